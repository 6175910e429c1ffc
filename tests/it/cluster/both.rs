//! Tests of one database, again over a cluster of two: the same questions and the same answers.
//!
//! Every statement of the program meets a store here that refuses it if it does not say whose it is.

use crate::engine::on_cluster;

/// As `worked` says.
mod worked {
    use super::on_cluster;
    use crate::worked as tests;

    #[test]
    fn example_1_a_read_message_was_delivered() {
        on_cluster(tests::example_1_a_read_message_was_delivered);
    }

    #[test]
    fn example_2_unknown_is_not_zero() {
        on_cluster(tests::example_2_unknown_is_not_zero);
    }

    #[test]
    fn example_7_duplicates_and_order_change_nothing() {
        on_cluster(tests::example_7_duplicates_and_order_change_nothing);
    }

    #[test]
    fn the_first_arrival_of_an_event_id_wins() {
        on_cluster(tests::the_first_arrival_of_an_event_id_wins);
    }

    #[test]
    fn example_8_local_days_of_23_and_25_hours() {
        on_cluster(tests::example_8_local_days_of_23_and_25_hours);
    }

    #[test]
    fn example_9_half_hour_offsets() {
        on_cluster(tests::example_9_half_hour_offsets);
    }
}

/// As `events` says.
mod events {
    use super::on_cluster;
    use crate::events as tests;

    #[test]
    fn every_bad_line_says_why_and_costs_no_good_one() {
        on_cluster(tests::every_bad_line_says_why_and_costs_no_good_one);
    }

    #[test]
    fn numbers_beyond_two_to_the_53_are_different_ids() {
        on_cluster(tests::numbers_beyond_two_to_the_53_are_different_ids);
    }

    #[test]
    fn generated_traffic_goes_in_once_however_often_it_is_sent() {
        on_cluster(tests::generated_traffic_goes_in_once_however_often_it_is_sent);
    }
}

/// As `outcomes` says.
mod outcomes {
    use super::on_cluster;
    use crate::outcomes as tests;

    #[test]
    fn a_sale_is_credited_to_the_dialog_that_led_to_it() {
        on_cluster(tests::a_sale_is_credited_to_the_dialog_that_led_to_it);
    }

    #[test]
    fn who_leaves_is_counted_once_and_for_the_message_before() {
        on_cluster(tests::who_leaves_is_counted_once_and_for_the_message_before);
    }

    #[test]
    fn questions_that_a_family_cannot_answer_name_both_sides() {
        on_cluster(tests::questions_that_a_family_cannot_answer_name_both_sides);
    }
}

/// As `dialogs` says.
mod dialogs {
    use super::on_cluster;
    use crate::dialogs as tests;

    #[test]
    fn example_3_a_bot_answers_first() {
        on_cluster(tests::example_3_a_bot_answers_first);
    }

    #[test]
    fn example_4_only_open_seconds_count() {
        on_cluster(tests::example_4_only_open_seconds_count);
    }

    #[test]
    fn example_5_sessions_are_cut_where_nobody_writes() {
        on_cluster(tests::example_5_sessions_are_cut_where_nobody_writes);
    }

    #[test]
    fn example_6_dialogs_overlap() {
        on_cluster(tests::example_6_dialogs_overlap);
    }

    #[test]
    fn example_10_the_last_rating_of_a_survey_counts() {
        on_cluster(tests::example_10_the_last_rating_of_a_survey_counts);
    }
}

/// As `sends` says.
mod sends {
    use super::on_cluster;
    use crate::sends as tests;

    #[test]
    fn another_tenants_connection_looks_as_one_that_there_is_not() {
        on_cluster(tests::another_tenants_connection_looks_as_one_that_there_is_not);
    }

    #[test]
    fn a_status_meets_the_message_that_was_reported() {
        on_cluster(tests::a_status_meets_the_message_that_was_reported);
    }
}

/// As `derivation` says.
mod derivation {
    use super::on_cluster;
    use crate::derivation as tests;

    #[test]
    fn a_message_that_moves_to_another_dialog_or_day_leaves_nothing_behind() {
        on_cluster(tests::a_message_that_moves_to_another_dialog_or_day_leaves_nothing_behind);
    }

    #[test]
    fn the_first_dialog_that_is_closed_changes_what_openings_mean() {
        on_cluster(tests::the_first_dialog_that_is_closed_changes_what_openings_mean);
    }

    #[test]
    fn other_rules_derive_everything_anew() {
        on_cluster(tests::other_rules_derive_everything_anew);
    }

    #[test]
    fn a_run_that_breaks_off_is_begun_again() {
        on_cluster(tests::a_run_that_breaks_off_is_begun_again);
    }

    #[test]
    fn an_answer_that_cannot_wait_says_what_it_lacks() {
        on_cluster(tests::an_answer_that_cannot_wait_says_what_it_lacks);
    }

    #[test]
    fn a_server_derives_what_arrives_before_anybody_asks() {
        on_cluster(tests::a_server_derives_what_arrives_before_anybody_asks);
    }

    #[test]
    fn an_event_whose_mark_fails_is_not_known_and_counts_when_it_is_sent_again() {
        on_cluster(tests::an_event_whose_mark_fails_is_not_known_and_counts_when_it_is_sent_again);
    }

    #[test]
    fn a_dialog_that_goes_through_many_chats_is_derived_once() {
        on_cluster(tests::a_dialog_that_goes_through_many_chats_is_derived_once);
    }
}

/// As `standing` says.
mod standing {
    use super::on_cluster;
    use crate::standing as tests;

    #[test]
    fn an_operator_sees_its_own_value_and_the_middle_of_its_team() {
        on_cluster(tests::an_operator_sees_its_own_value_and_the_middle_of_its_team);
    }

    #[test]
    fn nothing_of_a_colleague_comes_with_it() {
        on_cluster(tests::nothing_of_a_colleague_comes_with_it);
    }
}

/// As `access::matrix` says.
mod access {
    use super::on_cluster;
    use crate::access::matrix as tests;

    #[test]
    fn every_role_reads_every_field_that_is_for_it_and_no_other() {
        on_cluster(tests::every_role_reads_every_field_that_is_for_it_and_no_other);
    }

    #[test]
    fn a_metric_is_refused_wherever_it_is_named() {
        on_cluster(tests::a_metric_is_refused_wherever_it_is_named);
    }
}

/// As `attacks::isolation` says.
mod isolation {
    use super::on_cluster;
    use crate::attacks::isolation as tests;

    #[test]
    fn an_alias_beside_ones_own_question_finds_nothing_of_others() {
        on_cluster(tests::an_alias_beside_ones_own_question_finds_nothing_of_others);
    }

    #[test]
    fn a_total_less_ones_own_part_is_nothing() {
        on_cluster(tests::a_total_less_ones_own_part_is_nothing);
    }

    #[test]
    fn the_tenant_is_the_tokens_whatever_else_names_one() {
        on_cluster(tests::the_tenant_is_the_tokens_whatever_else_names_one);
    }

    #[test]
    fn two_requests_of_different_sight_share_no_answer() {
        on_cluster(tests::two_requests_of_different_sight_share_no_answer);
    }
}

/// As `business_hours` says.
mod business_hours {
    use super::on_cluster;
    use crate::business_hours as tests;

    #[test]
    fn what_is_set_is_read_back_by_everybody_who_reads() {
        on_cluster(tests::what_is_set_is_read_back_by_everybody_who_reads);
    }

    #[test]
    fn another_tenant_sees_and_changes_nothing_of_it() {
        on_cluster(tests::another_tenant_sees_and_changes_nothing_of_it);
    }
}

/// As `drill` says.
mod drill {
    use super::on_cluster;
    use crate::drill as tests;

    #[test]
    fn a_number_leads_to_its_messages_and_their_dialogs() {
        on_cluster(tests::a_number_leads_to_its_messages_and_their_dialogs);
    }

    #[test]
    fn turns_sessions_and_cycles_are_told_as_they_are() {
        on_cluster(tests::turns_sessions_and_cycles_are_told_as_they_are);
    }
}

/// As `errands::lookups` says.
mod errands {
    use super::on_cluster;
    use crate::errands::lookups as tests;

    #[test]
    fn what_a_call_names_is_asked_for_and_its_answer_comes_in() {
        on_cluster(tests::what_a_call_names_is_asked_for_and_its_answer_comes_in);
    }
}

/// As `identity` says.
mod identity {
    use super::on_cluster;
    use crate::identity as tests;

    #[test]
    fn a_late_link_changes_yesterdays_answer() {
        on_cluster(tests::a_late_link_changes_yesterdays_answer);
    }

    #[test]
    fn names_of_one_tenant_join_nothing_of_another() {
        on_cluster(tests::names_of_one_tenant_join_nothing_of_another);
    }
}

/// As `oracle` says.
mod oracle {
    use super::on_cluster;
    use crate::oracle as tests;

    #[test]
    fn every_number_is_what_its_definition_says() {
        on_cluster(tests::every_number_is_what_its_definition_says);
    }
}

/// As `oracle::properties` says.
mod properties {
    use super::on_cluster;
    use crate::oracle::properties as tests;

    #[test]
    fn parts_add_up_filters_only_narrow_and_tenants_do_not_meet() {
        on_cluster(tests::parts_add_up_filters_only_narrow_and_tenants_do_not_meet);
    }
}

/// As `pickers` says.
mod pickers {
    use super::on_cluster;
    use crate::pickers as tests;

    #[test]
    fn the_most_used_come_first_with_their_last_message() {
        on_cluster(tests::the_most_used_come_first_with_their_last_message);
    }
}

/// As `table` says.
mod table {
    use super::on_cluster;
    use crate::table as tests;

    #[test]
    fn every_metric_is_what_analytics_says_by_channel_and_in_total() {
        on_cluster(tests::every_metric_is_what_analytics_says_by_channel_and_in_total);
    }
}

/// As `crm::hubspot` says.
mod crm {
    use super::on_cluster;
    use crate::crm::hubspot as tests;

    #[test]
    fn a_sale_told_in_pieces_and_in_no_order_is_one_sale() {
        on_cluster(tests::a_sale_told_in_pieces_and_in_no_order_is_one_sale);
    }
}

/// As `webhooks::house` says.
mod webhooks {
    use super::on_cluster;
    use crate::webhooks::house as tests;

    #[test]
    fn what_is_taken_is_stored_counted_and_archived() {
        on_cluster(tests::what_is_taken_is_stored_counted_and_archived);
    }
}

/// As `erasure` says.
mod erasure {
    use super::on_cluster;
    use crate::erasure as tests;

    #[test]
    fn who_is_erased_is_in_no_figure_and_another_tenants_contact_of_the_same_name_is() {
        on_cluster(tests::who_is_erased_is_in_no_figure_and_another_tenants_contact_of_the_same_name_is);
    }
}
