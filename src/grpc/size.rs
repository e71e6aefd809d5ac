//! What a message may weigh, in bytes.

/// The largest request of a unary call.
pub const REQUEST_MAX: usize = 256 * 1024;
/// The largest batch of joins: 2 KB for each of 500 people. What a join may hold at most is
/// more, and what one holds is a quarter of it. The same for an apportionment: 200 bytes for each
/// of 5,000 areas, with names of 64 letters half as much.
pub const BATCH_MAX: usize = 1024 * 1024;
/// The largest piece of an import.
pub const IMPORT_PIECE_MAX: usize = 4 * 1024 * 1024;
/// The largest import in all: as many full pieces as the most rows need. A count of rows
/// alone would bound nothing, since one row could fill a piece.
pub const IMPORT_MAX: usize = 4 * IMPORT_PIECE_MAX;
/// The largest import of what exists. Its log row holds the rows twice, and JSON at worst
/// doubles what it escapes: with the names of 5,000 rows' fields that is less than the change
/// feed delivers.
pub const EXISTING_MAX: usize = 2 * IMPORT_PIECE_MAX;
/// The largest answer: what clients of gRPC take unless they are told otherwise. Pages are
/// far smaller; what has no pages, as the vacancies of 2,000 place groups with the longest
/// names, has 2 MB.
pub const ANSWER_MAX: usize = 4 * 1024 * 1024;
/// The largest answer of the change feed. A log row is never cut, since its hash covers
/// all of it; that of the largest import holds its rows twice, about 32 MB, and twice as
/// much is left for what JSON escapes.
pub const CHANGES_ANSWER_MAX: usize = 4 * IMPORT_MAX;
