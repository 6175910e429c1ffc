CREATE MATERIALIZED VIEW IF NOT EXISTS linked_contacts_feed TO linked_contacts AS
SELECT DISTINCT tenant, sipHash64(contact) AS name_key, if(chat != '', sipHash64(channel, account, chat), 0) AS chat_key
FROM inbox
WHERE kind = 'contact.linked'
    -- What a messenger or an aggregator tells of a client by itself, such as a new number, says nothing of whom the company knows.
    AND (connection = '' OR channel IN ('AMOCRM', 'BITRIX24', 'HUBSPOT', 'RETAILCRM'))
