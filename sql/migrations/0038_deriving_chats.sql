-- All threads of those dialogs, with the days on which anything happened in them.
CREATE TABLE IF NOT EXISTS deriving_chats (thread_key UInt64, day Date32) ENGINE = Memory
