//! Tests of the embedded engine, again over servers: the same questions and the same answers.
//!
//! With RAPPORT_TEST_CLICKHOUSE they run on a real server.

mod store;

use crate::engine::on_server;

/// As `worked` says.
mod worked {
    use super::on_server;
    use crate::worked as tests;

    #[test]
    fn example_1_a_read_message_was_delivered() {
        on_server(tests::example_1_a_read_message_was_delivered);
    }

    #[test]
    fn example_2_unknown_is_not_zero() {
        on_server(tests::example_2_unknown_is_not_zero);
    }

    #[test]
    fn example_7_duplicates_and_order_change_nothing() {
        on_server(tests::example_7_duplicates_and_order_change_nothing);
    }

    #[test]
    fn the_first_arrival_of_an_event_id_wins() {
        on_server(tests::the_first_arrival_of_an_event_id_wins);
    }

    #[test]
    fn example_8_local_days_of_23_and_25_hours() {
        on_server(tests::example_8_local_days_of_23_and_25_hours);
    }

    #[test]
    fn example_9_half_hour_offsets() {
        on_server(tests::example_9_half_hour_offsets);
    }
}

/// As `events` says.
mod events {
    use super::on_server;
    use crate::events as tests;

    #[test]
    fn every_bad_line_says_why_and_costs_no_good_one() {
        on_server(tests::every_bad_line_says_why_and_costs_no_good_one);
    }

    #[test]
    fn numbers_beyond_two_to_the_53_are_different_ids() {
        on_server(tests::numbers_beyond_two_to_the_53_are_different_ids);
    }

    #[test]
    fn the_engine_keeps_every_column_and_knows_every_id() {
        on_server(tests::the_engine_keeps_every_column_and_knows_every_id);
    }

    #[test]
    fn generated_traffic_goes_in_once_however_often_it_is_sent() {
        on_server(tests::generated_traffic_goes_in_once_however_often_it_is_sent);
    }
}

/// As `outcomes` says.
mod outcomes {
    use super::on_server;
    use crate::outcomes as tests;

    #[test]
    fn a_sale_is_credited_to_the_dialog_that_led_to_it() {
        on_server(tests::a_sale_is_credited_to_the_dialog_that_led_to_it);
    }

    #[test]
    fn who_leaves_is_counted_once_and_for_the_message_before() {
        on_server(tests::who_leaves_is_counted_once_and_for_the_message_before);
    }

    #[test]
    fn questions_that_a_family_cannot_answer_name_both_sides() {
        on_server(tests::questions_that_a_family_cannot_answer_name_both_sides);
    }
}

/// As `dialogs` says.
mod dialogs {
    use super::on_server;
    use crate::dialogs as tests;

    #[test]
    fn example_3_a_bot_answers_first() {
        on_server(tests::example_3_a_bot_answers_first);
    }

    #[test]
    fn example_4_only_open_seconds_count() {
        on_server(tests::example_4_only_open_seconds_count);
    }

    #[test]
    fn example_5_sessions_are_cut_where_nobody_writes() {
        on_server(tests::example_5_sessions_are_cut_where_nobody_writes);
    }

    #[test]
    fn example_6_dialogs_overlap() {
        on_server(tests::example_6_dialogs_overlap);
    }

    #[test]
    fn what_has_not_begun_is_unknown_and_not_zero() {
        on_server(tests::what_has_not_begun_is_unknown_and_not_zero);
    }

    #[test]
    fn example_10_the_last_rating_of_a_survey_counts() {
        on_server(tests::example_10_the_last_rating_of_a_survey_counts);
    }
}

/// As `sends` says.
mod sends {
    use super::on_server;
    use crate::sends as tests;

    #[test]
    fn who_may_not_send_events_may_not_report_sends() {
        on_server(tests::who_may_not_send_events_may_not_report_sends);
    }

    #[test]
    fn another_tenants_connection_looks_as_one_that_there_is_not() {
        on_server(tests::another_tenants_connection_looks_as_one_that_there_is_not);
    }

    #[test]
    fn a_report_is_answered_as_a_batch_of_events_is() {
        on_server(tests::a_report_is_answered_as_a_batch_of_events_is);
    }

    #[test]
    fn a_report_and_the_platforms_own_event_are_one_message() {
        on_server(tests::a_report_and_the_platforms_own_event_are_one_message);
    }

    #[test]
    fn a_status_meets_the_message_that_was_reported() {
        on_server(tests::a_status_meets_the_message_that_was_reported);
    }

    #[test]
    fn a_refused_send_is_a_departure_at_its_time() {
        on_server(tests::a_refused_send_is_a_departure_at_its_time);
    }

    #[test]
    fn reports_are_recorded_by_what_became_of_them() {
        on_server(tests::reports_are_recorded_by_what_became_of_them);
    }
}

/// As `derivation` says.
mod derivation {
    use super::on_server;
    use crate::derivation as tests;

    #[test]
    fn a_message_that_moves_to_another_dialog_or_day_leaves_nothing_behind() {
        on_server(tests::a_message_that_moves_to_another_dialog_or_day_leaves_nothing_behind);
    }

    #[test]
    fn a_status_that_comes_first_counts_for_its_message_when_that_comes() {
        on_server(tests::a_status_that_comes_first_counts_for_its_message_when_that_comes);
    }

    #[test]
    fn the_first_dialog_that_is_closed_changes_what_openings_mean() {
        on_server(tests::the_first_dialog_that_is_closed_changes_what_openings_mean);
    }

    #[test]
    fn other_rules_derive_everything_anew() {
        on_server(tests::other_rules_derive_everything_anew);
    }

    #[test]
    fn a_run_that_breaks_off_is_begun_again() {
        on_server(tests::a_run_that_breaks_off_is_begun_again);
    }

    #[test]
    fn an_answer_that_cannot_wait_says_what_it_lacks() {
        on_server(tests::an_answer_that_cannot_wait_says_what_it_lacks);
    }

    #[test]
    fn a_server_derives_what_arrives_before_anybody_asks() {
        on_server(tests::a_server_derives_what_arrives_before_anybody_asks);
    }

    #[test]
    fn what_cannot_be_derived_keeps_nobody_from_reading() {
        on_server(tests::what_cannot_be_derived_keeps_nobody_from_reading);
    }

    #[test]
    fn an_event_whose_mark_fails_is_not_known_and_counts_when_it_is_sent_again() {
        on_server(tests::an_event_whose_mark_fails_is_not_known_and_counts_when_it_is_sent_again);
    }

    #[test]
    fn a_message_that_comes_late_changes_no_row_of_other_visits() {
        on_server(tests::a_message_that_comes_late_changes_no_row_of_other_visits);
    }

    #[test]
    fn a_dialog_that_goes_through_many_chats_is_derived_once() {
        on_server(tests::a_dialog_that_goes_through_many_chats_is_derived_once);
    }
}

/// As `erasure` says.
mod erasure {
    use super::on_server;
    use crate::erasure as tests;

    #[test]
    fn who_is_erased_is_in_no_figure_and_another_tenants_contact_of_the_same_name_is() {
        on_server(tests::who_is_erased_is_in_no_figure_and_another_tenants_contact_of_the_same_name_is);
    }
}
