CREATE TABLE IF NOT EXISTS deriving_dialogs (dialog_key UInt64) ENGINE = Memory
