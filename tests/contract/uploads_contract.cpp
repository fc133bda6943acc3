// Uploads: their life, and that no replayed or concurrent request can spoil one.
#include <cstring>

#include "tests/contract/object_store_contract.h"

namespace bunker::storage {
namespace {

const std::string kScratch = "repo/_uploads/11111111-2222-4333-8444-555555555555/data";

TEST_P(Uploads, BytesOfManyRequestsBecomeOneObject) {
  const std::string bytes = pattern(3'000'000);
  std::string token;
  std::uint64_t offset = 0;
  for (const std::size_t piece : {1UL, 999'999UL, 1'500'000UL}) {
    const auto next = store_->append(kScratch, token, offset, bytes.substr(offset, piece));
    BUNKER_ASSERT_OK(next);
    token = *next;
    offset += piece;
    EXPECT_EQ(code_of(store_->head("blobs/whole")), Code::not_found);
  }
  BUNKER_ASSERT_OK(store_->finish(kScratch, token, offset, bytes.substr(offset), "blobs/whole"));
  EXPECT_TRUE(store_->get("blobs/whole").value() == bytes);
  EXPECT_EQ(store_->keys(), (std::vector<std::string>{"blobs/whole"}));
}

TEST_P(Uploads, OneRequestCanDoItAll) {
  auto writer = store_->open(kScratch, "", 0);
  BUNKER_ASSERT_OK(writer);
  std::string all;
  for (unsigned i = 0; i < 100; ++i) {
    const std::string piece = pattern(i * 397 % 40'000, i + 1);
    all += piece;
    BUNKER_ASSERT_OK(write(**writer, piece));
  }
  BUNKER_ASSERT_OK(commit(**writer, "whole"));
  writer->reset();
  EXPECT_TRUE(store_->get("whole").value() == all);
  EXPECT_EQ(store_->keys(), (std::vector<std::string>{"whole"}));
}

TEST_P(Uploads, BytesMayBePutWhereTheWriterHasRoomForThem) {
  const std::string bytes = pattern(13'000'000);
  std::string token;
  std::size_t at = 0;
  std::size_t step = 5;
  for (const std::size_t end : {7'000'000UL, 7'000'001UL, bytes.size()}) {
    auto writer = store_->open(kScratch, token, at);
    BUNKER_ASSERT_OK(writer);
    while (at < end) {
      step = step * 7 % 1'000'003;
      std::string_view piece = std::string_view(bytes).substr(at, std::min(step, end - at));
      // Room that is not used does no harm.
      if (const auto room = (*writer)->room(); !room.empty() && step % 3 > 0) {
        piece = piece.substr(0, room.size());
        std::memcpy(room.data(), piece.data(), piece.size());
        piece = {reinterpret_cast<const char*>(room.data()), piece.size()};
      }
      at += piece.size();
      BUNKER_ASSERT_OK(write(**writer, piece));
    }
    if (at == bytes.size()) {
      BUNKER_ASSERT_OK(commit(**writer, "whole"));
      break;
    }
    const auto next = suspend(**writer);
    BUNKER_ASSERT_OK(next);
    token = *next;
  }
  EXPECT_TRUE(store_->get("whole").value() == bytes);
}

TEST_P(Uploads, AnEmptyUploadIsAnEmptyObject) {
  BUNKER_ASSERT_OK(store_->finish(kScratch, "", 0, "", "one"));
  const auto token = store_->append(kScratch, "", 0, "");
  BUNKER_ASSERT_OK(token);
  BUNKER_ASSERT_OK(store_->finish(kScratch, *token, 0, "", "two"));
  EXPECT_EQ(store_->read("one").value(), "");
  EXPECT_EQ(store_->read("two").value(), "");
}

TEST_P(Uploads, CommitReplacesAtomically) {
  BUNKER_ASSERT_OK(store_->put("k", "old"));
  BUNKER_ASSERT_OK(store_->finish(kScratch, "", 0, "new bytes", "k"));
  EXPECT_EQ(store_->read("k").value(), "new bytes");
  EXPECT_EQ(store_->head("k").value().size, 9U);
}

TEST_P(Uploads, NothingIsVisibleBeforeCommit) {
  const auto writer = store_->open(kScratch, "", 0);
  BUNKER_ASSERT_OK(writer);
  BUNKER_ASSERT_OK(write(**writer, pattern(1 << 20)));
  EXPECT_EQ(code_of(store_->head(kScratch)), Code::not_found);
  EXPECT_EQ(code_of(store_->get("k")), Code::not_found);
  for (const std::string& key : store_->keys()) EXPECT_TRUE(key.starts_with(kScratch)) << key;
}

TEST_P(Uploads, ANewUploadThatBreaksLeavesNothing) {
  auto writer = store_->open(kScratch, "", 0);
  BUNKER_ASSERT_OK(writer);
  BUNKER_ASSERT_OK(write(**writer, pattern(1 << 20)));
  writer->reset();
  EXPECT_EQ(store_->keys(), std::vector<std::string>());
}

TEST_P(Uploads, AWriterThatBreaksLeavesTheUploadAsItWas) {
  const auto token = store_->append(kScratch, "", 0, "begun,");
  BUNKER_ASSERT_OK(token);
  for (int i = 0; i < 3; ++i) {
    auto writer = store_->open(kScratch, *token, 6);
    BUNKER_ASSERT_OK(writer);
    BUNKER_ASSERT_OK(write(**writer, "lost" + std::to_string(i) + pattern(500'000)));
    writer->reset();
    EXPECT_EQ(store_->read_upload(kScratch, *token).value(), "begun,");
  }
  BUNKER_ASSERT_OK(store_->finish(kScratch, *token, 6, "ended", "k"));
  EXPECT_EQ(store_->read("k").value(), "begun,ended");
}

TEST_P(Uploads, AUsedTokenIsDead) {
  const std::string first = store_->append(kScratch, "", 0, "one").value();
  const std::string second = store_->append(kScratch, first, 3, "two").value();
  EXPECT_NE(first, second);
  EXPECT_EQ(code_of(store_->open(kScratch, first, 3)), Code::not_found);
  EXPECT_EQ(code_of(store_->read_upload(kScratch, first)), Code::not_found);
  BUNKER_ASSERT_OK(store_->finish(kScratch, second, 6, "", "k"));
  EXPECT_EQ(code_of(store_->open(kScratch, first, 3)), Code::not_found);
  EXPECT_EQ(code_of(store_->open(kScratch, second, 6)), Code::not_found);
  EXPECT_EQ(code_of(store_->read_upload(kScratch, second)), Code::not_found);
  EXPECT_EQ(store_->read("k").value(), "onetwo");
}

TEST_P(Uploads, ATokenThatAWriterHoldsIsAConflict) {
  const std::string token = store_->append(kScratch, "", 0, "one").value();
  auto writer = store_->open(kScratch, token, 3);
  BUNKER_ASSERT_OK(writer);
  EXPECT_EQ(code_of(store_->open(kScratch, token, 3)), Code::conflict);
  BUNKER_ASSERT_OK(write(**writer, "two"));
  EXPECT_EQ(code_of(store_->open(kScratch, token, 3)), Code::conflict);
  const std::string next = suspend(**writer).value();
  // The writer is used up, though its object still lives.
  EXPECT_EQ(code_of(store_->open(kScratch, token, 3)), Code::not_found);
  BUNKER_ASSERT_OK(store_->finish(kScratch, next, 6, "three", "k"));
  writer->reset();
  EXPECT_EQ(store_->read("k").value(), "onetwothree");
}

TEST_P(Uploads, ATokenStandsForOneOffset) {
  const std::string token = store_->append(kScratch, "", 0, "0123456789").value();
  EXPECT_EQ(code_of(store_->open(kScratch, token, 0)), Code::out_of_range);
  EXPECT_EQ(code_of(store_->open(kScratch, token, 9)), Code::out_of_range);
  EXPECT_EQ(code_of(store_->open(kScratch, token, 11)), Code::out_of_range);
  EXPECT_EQ(code_of(store_->open(kScratch, "", 10)), Code::out_of_range);
  EXPECT_EQ(store_->read_upload(kScratch, token).value(), "0123456789");
}

// An attacker holds every URL that an upload ever had, and uses them at any time, cut or changed,
// to replace bytes that a later URL's hash already covers.
TEST_P(Uploads, ReplayedTokensCannotChangeCoveredBytes) {
  const std::string good = pattern(100'000, 7);
  std::vector<std::string> tokens = {""};
  std::uint64_t offset = 0;
  const auto attack = [&] {
    for (const std::string& token : tokens) {
      if (&token == &tokens.back()) continue;
      for (const std::uint64_t at : {std::uint64_t{0}, offset / 2, offset}) {
        if (auto writer = store_->open(kScratch, token, at)) {
          // Only an empty token may open, and then an upload of its own.
          EXPECT_TRUE(token.empty());
          BUNKER_EXPECT_OK(write(**writer, std::string(offset + 10, 'E')));
        }
        const std::string cut = token.substr(0, token.size() / 2);
        if (!cut.empty()) EXPECT_EQ(code_of(store_->open(kScratch, cut, at)), Code::not_found);
      }
      BUNKER_EXPECT_OK(store_->abort(kScratch, token));
    }
  };
  for (int step = 0; step < 4; ++step) {
    auto writer = store_->open(kScratch, tokens.back(), offset);
    BUNKER_ASSERT_OK(writer);
    attack();
    BUNKER_ASSERT_OK(write(**writer, good.substr(offset, 12'500)));
    attack();
    BUNKER_ASSERT_OK(write(**writer, good.substr(offset + 12'500, 12'500)));
    tokens.push_back(suspend(**writer).value());
    offset += 25'000;
    attack();
    writer->reset();
    attack();
    EXPECT_TRUE(store_->read_upload(kScratch, tokens.back()).value() == good.substr(0, offset));
  }
  BUNKER_ASSERT_OK(store_->finish(kScratch, tokens.back(), offset, "", "k"));
  tokens.emplace_back("the last one is dead as well");
  attack();
  EXPECT_TRUE(store_->get("k").value() == good);
  EXPECT_EQ(store_->keys(), (std::vector<std::string>{"k"}));
}

TEST_P(Uploads, MalformedAndForeignTokensAreNotFound) {
  const std::string token = store_->append(kScratch, "", 0, "one").value();
  const std::string elsewhere = "other/_uploads/11111111-2222-4333-8444-555555555555/data";
  EXPECT_EQ(code_of(store_->open(elsewhere, token, 3)), Code::not_found);
  EXPECT_EQ(code_of(store_->read_upload(elsewhere, token)), Code::not_found);
  std::string other = token;
  other[0] = other[0] == 'a' ? 'b' : 'a';
  for (const std::string& bad :
       {other, token + "0x", token + '/', "../" + token, '/' + token, std::string("x"),
        std::string("/../../k"), std::string("\0", 1), token.substr(1), std::string(4096, 'a'),
        token + std::string(1, '\0')}) {
    SCOPED_TRACE(bad.substr(0, 60));
    EXPECT_EQ(code_of(store_->open(kScratch, bad, 3)), Code::not_found);
    EXPECT_EQ(code_of(store_->read_upload(kScratch, bad)), Code::not_found);
    BUNKER_EXPECT_OK(store_->abort(kScratch, bad));
  }
  EXPECT_EQ(store_->read_upload(kScratch, token).value(), "one");
}

TEST_P(Uploads, AbortForgetsAll) {
  const std::string token = store_->append(kScratch, "", 0, pattern(1000)).value();
  BUNKER_ASSERT_OK(store_->abort(kScratch, token));
  EXPECT_EQ(store_->keys(), std::vector<std::string>());
  EXPECT_EQ(code_of(store_->open(kScratch, token, 1000)), Code::not_found);
  BUNKER_EXPECT_OK(store_->abort(kScratch, token));
}

TEST_P(Uploads, AbortStopsAWriter) {
  const std::string token = store_->append(kScratch, "", 0, "one").value();
  auto writer = store_->open(kScratch, token, 3);
  BUNKER_ASSERT_OK(writer);
  BUNKER_ASSERT_OK(store_->abort(kScratch, token));
  (void)write(**writer, "two");
  EXPECT_EQ(code_of(commit(**writer, "k")), Code::not_found);
  EXPECT_EQ(code_of(suspend(**writer)), Code::not_found);
  writer->reset();
  EXPECT_EQ(store_->keys(), std::vector<std::string>());
}

TEST_P(Uploads, RemovingWhatListingsShowForgetsAnUpload) {
  const std::string folder = "repo/_uploads/11111111-2222-4333-8444-555555555555/";
  BUNKER_ASSERT_OK(store_->put(folder + "startedat", "2026-11-24T08:00:00Z"));
  const std::string token = store_->append(kScratch, "", 0, "one").value();
  BUNKER_ASSERT_OK(store_->remove(store_->keys(folder)));
  EXPECT_EQ(code_of(store_->open(kScratch, token, 3)), Code::not_found);
  EXPECT_EQ(store_->keys(), std::vector<std::string>());
}

TEST_P(Uploads, UploadsOfOneScratchDoNotMeet) {
  const std::string one = store_->append(kScratch, "", 0, "one").value();
  const std::string two = store_->append(kScratch, "", 0, "2").value();
  BUNKER_ASSERT_OK(store_->finish(kScratch, two, 1, "two", "k2"));
  BUNKER_ASSERT_OK(store_->finish(kScratch, one, 3, "more", "k1"));
  EXPECT_EQ(store_->read("k1").value(), "onemore");
  EXPECT_EQ(store_->read("k2").value(), "2two");
}

TEST_P(Uploads, AFailedCommitCanBeRepeated) {
  auto writer = store_->open(kScratch, "", 0);
  BUNKER_ASSERT_OK(writer);
  BUNKER_ASSERT_OK(write(**writer, "bytes"));
  EXPECT_EQ(code_of(commit(**writer, "../k")), Code::invalid);
  BUNKER_ASSERT_OK(commit(**writer, "k"));
  writer->reset();
  EXPECT_EQ(store_->read("k").value(), "bytes");
}

}  // namespace
}  // namespace bunker::storage
