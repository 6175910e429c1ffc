//! A day on each platform, told through HTTP, and all that is asked of it, counted by hand.

pub mod bots;
mod max;
mod telegram;
mod viber;
mod vk;
mod whatsapp;
