//! What a message is: its kind as events name it, or that it is Telegram's own note on the chat.

use serde_json::Value;

/// What a message holds.
pub enum Content {
    Kind(&'static str),
    /// A line that the messenger writes itself: somebody was pinned, named, added.
    Service,
    Unknown,
}

/// Fields and the kinds of the messages that have them; the first that is there decides. A field stands before those that
/// Telegram sends along with it for old bots.
const KINDS: [(&str, &str); 24] = [
    ("animation", "animation"),
    ("live_photo", "image"),
    ("photo", "image"),
    ("video", "video"),
    ("video_note", "video"),
    ("voice", "voice"),
    ("audio", "audio"),
    ("document", "document"),
    ("sticker", "sticker"),
    ("contact", "contact"),
    ("venue", "location"),
    ("location", "location"),
    ("poll", "poll"),
    ("story", "story"),
    ("paid_media", "paid_media"),
    ("checklist", "checklist"),
    ("dice", "dice"),
    ("game", "game"),
    ("invoice", "invoice"),
    ("giveaway", "giveaway"),
    // What a client filled in on a page that a keyboard opened, and its documents: it waits for an answer to both.
    ("web_app_data", "form"),
    ("passport_data", "passport"),
    ("rich_message", "text"),
    ("text", "text"),
];

/// Notes of the messenger. Those of payments to the bot are read before; in a chat of a business connection they are between
/// others.
const SERVICE: [&str; 53] = [
    "boost_added",
    "channel_chat_created",
    "chat_background_set",
    "chat_owner_changed",
    "chat_owner_left",
    "chat_shared",
    "checklist_tasks_added",
    "checklist_tasks_done",
    "connected_website",
    "delete_chat_photo",
    "direct_message_price_changed",
    "forum_topic_closed",
    "forum_topic_created",
    "forum_topic_edited",
    "forum_topic_reopened",
    "general_forum_topic_hidden",
    "general_forum_topic_unhidden",
    "gift",
    "gift_upgrade_sent",
    "giveaway_completed",
    "giveaway_created",
    "giveaway_winners",
    "group_chat_created",
    "left_chat_member",
    "managed_bot_created",
    "message_auto_delete_timer_changed",
    "migrate_from_chat_id",
    "migrate_to_chat_id",
    "new_chat_member",
    "new_chat_members",
    "new_chat_photo",
    "new_chat_title",
    "paid_message_price_changed",
    "pinned_message",
    "poll_option_added",
    "poll_option_deleted",
    "proximity_alert_triggered",
    "refunded_payment",
    "successful_payment",
    "suggested_post_approval_failed",
    "suggested_post_approved",
    "suggested_post_declined",
    "suggested_post_paid",
    "suggested_post_refunded",
    "supergroup_chat_created",
    "unique_gift",
    "user_shared",
    "users_shared",
    "video_chat_ended",
    "video_chat_participants_invited",
    "video_chat_scheduled",
    "video_chat_started",
    "write_access_allowed",
];

/// What the message holds.
pub fn content(message: &Value) -> Content {
    let has = |field: &str| message.get(field).is_some_and(|value| !value.is_null());
    // First the notes: one of a pinned message, say, carries nothing else.
    if SERVICE.iter().any(|field| has(field)) {
        return Content::Service;
    }
    KINDS.iter().find(|(field, _)| has(field)).map_or(Content::Unknown, |(_, kind)| Content::Kind(kind))
}
