-- Where events knock between `inbox` and `events`: every state table has what they say, and they are not known yet. A mark
-- that is made here is seen by nobody too early, and who fails to make it is told so and sends again.
CREATE TABLE IF NOT EXISTS arrivals
(
    tenant String,
    kind String,
    channel String,
    account String,
    chat String,
    dialog String
)
ENGINE = Null
