// How old what a cache says may be. Collection relies on this: see kMaxPositiveAge.
// Constants alone; no owner, any thread.
#pragma once

#include <chrono>

namespace bunker::cache {

// No replica believes for longer than this that an object is there, from the moment when it asked
// the store, or from the moment when it began to write the object. So whoever deletes an object for
// good waits longer than this after the last moment at which it was to be found, and looks again.
inline constexpr std::chrono::seconds kMaxPositiveAge{600};

// A link (a blob or a manifest is part of a repository) in a process's own memory. A deletion at
// another replica is known here after this time.
inline constexpr std::chrono::seconds kLinkAge{4};

// An object's size in a process's own memory.
inline constexpr std::chrono::seconds kDataAge{60};

// Either of them in Redis, where a deletion at any replica overwrites it at once.
inline constexpr std::chrono::seconds kSharedAge{300};

// A deletion's mark in Redis. Until it is gone nobody can say there that the object is there, so it
// outlives every answer of the store that was on its way when the object was deleted.
inline constexpr std::chrono::seconds kTombstoneAge{60};

// An answer of the store that took longer is not remembered.
inline constexpr std::chrono::seconds kSlowAnswer{20};

static_assert(kSharedAge + kDataAge + kSlowAnswer < kMaxPositiveAge);
static_assert(kSlowAnswer < kTombstoneAge);

}  // namespace bunker::cache
