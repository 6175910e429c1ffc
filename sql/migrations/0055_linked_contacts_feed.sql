CREATE MATERIALIZED VIEW IF NOT EXISTS linked_contacts_feed TO linked_contacts AS
SELECT DISTINCT tenant, sipHash64(contact) AS name_key, if(chat != '', sipHash64(channel, account, chat), 0) AS chat_key
FROM inbox
WHERE kind = 'contact.linked'
