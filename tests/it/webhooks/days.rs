//! Whole days on real platforms, told through HTTP as they are told; all ten families beside what was computed by hand.

mod vk;
