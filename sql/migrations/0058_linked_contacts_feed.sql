CREATE MATERIALIZED VIEW IF NOT EXISTS linked_contacts_feed TO linked_contacts AS
SELECT DISTINCT tenant, sipHash64(contact) AS name_key, if(chat != '', sipHash64(channel, account, chat), 0) AS chat_key
FROM inbox
WHERE kind = 'contact.linked'
    -- What a messenger itself tells of a client, such as a new number, says nothing of whom the company knows.
    AND NOT (connection != '' AND channel IN ('WHATSAPP', 'TELEGRAM', 'VIBER', 'MAX', 'VK'))
