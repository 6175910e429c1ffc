//! The tests of the store, again over servers.

/// As `store::inserting` says.
mod inserting {
    use crate::engine::on_server;
    use crate::store::inserting as tests;

    #[test]
    fn every_column_of_an_event_arrives_as_it_was_sent() {
        on_server(tests::every_column_of_an_event_arrives_as_it_was_sent);
    }

    #[test]
    fn the_feeds_of_the_inbox_fill_the_state_tables_before_insert_returns() {
        on_server(tests::the_feeds_of_the_inbox_fill_the_state_tables_before_insert_returns);
    }

    #[test]
    fn an_empty_batch_is_nothing_and_no_table_is_needed_for_it() {
        on_server(tests::an_empty_batch_is_nothing_and_no_table_is_needed_for_it);
    }

    #[test]
    fn a_batch_that_lacks_a_column_is_refused_and_nothing_is_stored() {
        on_server(tests::a_batch_that_lacks_a_column_is_refused_and_nothing_is_stored);
    }

    #[test]
    fn a_batch_whose_token_the_table_knows_is_done_already() {
        on_server(tests::a_batch_whose_token_the_table_knows_is_done_already);
    }
}

/// As `store::querying` says.
mod querying {
    use crate::engine::on_server;
    use crate::store::querying as tests;

    #[test]
    fn values_of_every_kind_are_bound() {
        on_server(tests::values_of_every_kind_are_bound);
    }

    #[test]
    fn a_question_for_twenty_thousand_ids_is_not_too_long() {
        on_server(tests::a_question_for_twenty_thousand_ids_is_not_too_long);
    }

    #[test]
    fn no_rows_are_no_batches() {
        on_server(tests::no_rows_are_no_batches);
    }

    #[test]
    fn the_engine_tells_its_version() {
        on_server(tests::the_engine_tells_its_version);
    }

    #[test]
    fn an_error_does_not_repeat_the_values_of_the_statement() {
        on_server(tests::an_error_does_not_repeat_the_values_of_the_statement);
    }

    #[test]
    fn limits_have_their_own_errors() {
        on_server(tests::limits_have_their_own_errors);
    }

    #[test]
    fn a_query_that_takes_too_long_is_stopped() {
        on_server(tests::a_query_that_takes_too_long_is_stopped);
    }

    #[test]
    fn dropping_the_future_stops_the_query_in_the_engine() {
        on_server(tests::dropping_the_future_stops_the_query_in_the_engine);
    }

    #[test]
    fn a_query_dropped_before_it_reached_the_engine_gives_its_connection_back() {
        on_server(tests::a_query_dropped_before_it_reached_the_engine_gives_its_connection_back);
    }

    #[test]
    fn waiting_for_a_connection_ends_with_the_limit() {
        on_server(tests::waiting_for_a_connection_ends_with_the_limit);
    }

    #[test]
    fn more_queries_than_connections_all_get_their_turn() {
        on_server(tests::more_queries_than_connections_all_get_their_turn);
    }
}

/// As `store::migrating` says.
mod migrating {
    use crate::engine::on_server;
    use crate::store::migrating as tests;

    #[test]
    fn a_second_run_does_nothing_but_the_facts() {
        on_server(tests::a_second_run_does_nothing_but_the_facts);
    }

    #[test]
    fn a_new_migration_runs_after_the_ones_before_it_and_is_recorded_with_its_time() {
        on_server(tests::a_new_migration_runs_after_the_ones_before_it_and_is_recorded_with_its_time);
    }

    #[test]
    fn every_statement_may_run_again_after_a_crash() {
        on_server(tests::every_statement_may_run_again_after_a_crash);
    }

    #[test]
    fn a_changed_file_is_refused_by_name() {
        on_server(tests::a_changed_file_is_refused_by_name);
    }

    #[test]
    fn a_database_of_a_newer_program_is_refused() {
        on_server(tests::a_database_of_a_newer_program_is_refused);
    }

    #[test]
    fn what_ran_before_a_failure_stays_and_the_next_run_goes_on_from_there() {
        on_server(tests::what_ran_before_a_failure_stays_and_the_next_run_goes_on_from_there);
    }
}

/// As `access::matrix` says.
mod matrix {
    use crate::access::matrix as tests;
    use crate::engine::on_server;

    #[test]
    fn every_field_has_a_rule_every_rule_a_field_and_the_schema_tells_it() {
        on_server(tests::every_field_has_a_rule_every_rule_a_field_and_the_schema_tells_it);
    }

    #[test]
    fn every_role_reads_every_field_that_is_for_it_and_no_other() {
        on_server(tests::every_role_reads_every_field_that_is_for_it_and_no_other);
    }

    #[test]
    fn a_metric_is_refused_wherever_it_is_named() {
        on_server(tests::a_metric_is_refused_wherever_it_is_named);
    }
}
