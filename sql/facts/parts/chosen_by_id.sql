    -- The one dialog that is asked for, by its key in 16 hexadecimal digits.
    chosen AS
    (
        SELECT reinterpretAsUInt64(reverse(unhex({dialog:String}))) AS dialog_key
    )
