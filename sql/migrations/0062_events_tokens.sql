-- An insert that is repeated because nobody knows whether it was done does nothing the second time.
ALTER TABLE events
    MODIFY SETTING non_replicated_deduplication_window = 1000
