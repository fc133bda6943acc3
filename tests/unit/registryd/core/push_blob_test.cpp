#include <numeric>

#include "registryd/core/errors.h"
#include "registryd/core/layout.h"
#include "tests/unit/registryd/core/registry_fixture.h"

namespace bunker::registry {
namespace {

class PushBlob : public RegistryTest {};
INSTANTIATE_TEST_SUITE_P(Store, PushBlob, ::testing::Bool());

const std::string kName = "library/alpine";

TEST_P(PushBlob, InOneGo) {
  const auto info = registry_->push(kName, "hello");
  ASSERT_TRUE(info) << info.error().message;
  EXPECT_EQ(info->size, 5U);
  EXPECT_EQ(*registry_->blob(kName, sha256_of("hello")), "hello");
  EXPECT_EQ(keys(),
            (std::vector<std::string>{layout::blob_data(sha256_of("hello")),
                                      layout::layer_link(name_of(kName), sha256_of("hello"))}));
  EXPECT_EQ(*read_object(layout::layer_link(name_of(kName), sha256_of("hello"))),
            sha256_of("hello").str());
}

TEST_P(PushBlob, OfNoBytes) {
  ASSERT_TRUE(registry_->push(kName, ""));
  EXPECT_EQ(registry_->stat(kName, sha256_of(""))->size, 0U);
  EXPECT_EQ(*registry_->blob(kName, sha256_of("")), "");
}

TEST_P(PushBlob, InChunksOnDifferentReplicas) {
  auto upload = registry_->start(kName);
  ASSERT_TRUE(upload);
  std::string sent;
  for (const std::string& chunk :
       {std::string("first "), std::string(100, 'x'), std::string("z")}) {
    upload = replica()->append(*upload, chunk, sent.size(), chunk.size());
    ASSERT_TRUE(upload) << upload.error().message;
    sent += chunk;
    EXPECT_EQ(upload->offset, sent.size());
    EXPECT_EQ(replica()->status(*upload)->offset, sent.size());
  }
  const auto info = replica()->finish(*upload, sha256_of(sent));
  ASSERT_TRUE(info) << info.error().message;
  EXPECT_EQ(info->size, sent.size());
  EXPECT_EQ(*registry_->blob(kName, sha256_of(sent)), sent);
  EXPECT_EQ(keys(layout::upload_prefix(name_of(kName), upload->uuid)).size(), 0U);
}

TEST_P(PushBlob, LastChunkInTheClosingRequest) {
  const auto upload = registry_->append(*registry_->start(kName), "abc");
  ASSERT_TRUE(upload);
  ASSERT_TRUE(registry_->finish(*upload, sha256_of("abcdef"), "def", 3, 3));
  EXPECT_EQ(*registry_->blob(kName, sha256_of("abcdef")), "abcdef");
}

TEST_P(PushBlob, Sha512WithAndWithoutNotice) {
  ASSERT_TRUE(registry_->push(kName, "told", Algorithm::sha512));
  EXPECT_EQ(*registry_->blob(kName, sha512_of("told")), "told");

  // The client names sha512 only in the closing request, after its bytes have been hashed.
  const auto upload = registry_->append(*registry_->start(kName), "un");
  ASSERT_TRUE(upload);
  const auto info = registry_->finish(*upload, sha512_of("untold"), "told");
  ASSERT_TRUE(info) << info.error().message;
  EXPECT_EQ(info->size, 6U);
  EXPECT_EQ(*registry_->blob(kName, sha512_of("untold")), "untold");
  ASSERT_TRUE(registry_->finish(*registry_->start(kName), sha512_of("at once"), "at once"));
}

TEST_P(PushBlob, WrongDigestLeavesNothing) {
  const auto fresh = registry_->finish(*registry_->start(kName), sha256_of("other"), "hello");
  ASSERT_FALSE(fresh);
  EXPECT_EQ(fresh.error().code, Code::invalid);
  EXPECT_EQ(fresh.error().reason, reason::kDigestInvalid);
  EXPECT_NE(fresh.error().detail.find(sha256_of("hello").str()), std::string::npos);

  const auto upload = registry_->append(*registry_->start(kName), "hel");
  ASSERT_FALSE(registry_->finish(*upload, sha256_of("other"), "lo"));
  EXPECT_EQ(registry_->status(*upload).error().reason, reason::kBlobUploadUnknown);
  EXPECT_TRUE(keys().empty());
}

TEST_P(PushBlob, OutOfOrderChunkIsRefusedAndTheUploadGoesOn) {
  auto upload = registry_->append(*registry_->start(kName), "abc");
  ASSERT_TRUE(upload);
  for (const std::uint64_t start : {0, 2, 4, 100}) {
    const auto refused = registry_->append(*upload, "def", start);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, Code::out_of_range);
    EXPECT_EQ(refused.error().reason, reason::kRangeInvalid);
    const auto closed = registry_->finish(*upload, sha256_of("abcdef"), "def", start);
    EXPECT_EQ(closed.error().reason, reason::kRangeInvalid);
  }
  EXPECT_EQ(registry_->status(*upload)->offset, 3U);
  ASSERT_TRUE(registry_->finish(*upload, sha256_of("abcdef"), "def", 3));
}

TEST_P(PushBlob, BrokenOffChunkLeavesTheUploadAsItWas) {
  const auto upload = registry_->append(*registry_->start(kName), "abc");
  PiecesSource gone("defgh", 2, Error(Code::cancelled, "the client went away"));
  EXPECT_EQ(registry_->append(*upload, gone).error().code, Code::cancelled);
  PiecesSource cut("defgh", 2, Error(Code::data_loss, "shorter than announced"));
  const auto shorter = registry_->append(*upload, cut);
  EXPECT_EQ(shorter.error().code, Code::invalid);
  EXPECT_EQ(shorter.error().reason, reason::kSizeInvalid);
  PiecesSource closing("def", 2, Error(Code::cancelled, "the client went away"));
  EXPECT_EQ(registry_->finish(*upload, sha256_of("abcdef"), closing).error().code, Code::cancelled);

  EXPECT_EQ(registry_->status(*upload)->offset, 3U);
  ASSERT_TRUE(registry_->finish(*upload, sha256_of("abcdef"), "def"));
  EXPECT_EQ(*registry_->blob(kName, sha256_of("abcdef")), "abcdef");
}

TEST_P(PushBlob, BrokenOffFirstChunkLeavesNothing) {
  const auto upload = registry_->start(kName);
  PiecesSource gone("abc", 1, Error(Code::cancelled, "the client went away"));
  EXPECT_FALSE(registry_->append(*upload, gone));
  EXPECT_TRUE(keys().empty());
  EXPECT_EQ(registry_->status(*upload)->offset, 0U);
  ASSERT_TRUE(registry_->finish(*upload, sha256_of("abc"), "abc"));
}

TEST_P(PushBlob, BodyMustBeAsLongAsAnnounced) {
  const auto upload = registry_->append(*registry_->start(kName), "abc");
  for (const std::uint64_t announced : {0, 2, 4}) {
    const auto refused = registry_->append(*upload, "def", std::nullopt, announced);
    ASSERT_FALSE(refused) << announced;
    EXPECT_EQ(refused.error().reason, reason::kSizeInvalid);
    EXPECT_FALSE(registry_->finish(*upload, sha256_of("abcdef"), "def", std::nullopt, announced));
  }
  EXPECT_TRUE(registry_->finish(*upload, sha256_of("abcdef"), "def", std::nullopt, 3));
}

TEST_P(PushBlob, EmptyChunkChangesNothing) {
  const auto fresh = registry_->append(*registry_->start(kName), "", 0, 0);
  ASSERT_TRUE(fresh);
  EXPECT_EQ(fresh->offset, 0U);
  const auto some = registry_->append(*fresh, "abc");
  const auto same = registry_->append(*some, "", 3, 0);
  ASSERT_TRUE(same);
  EXPECT_EQ(same->offset, 3U);
  ASSERT_TRUE(registry_->finish(*same, sha256_of("abc")));
}

TEST_P(PushBlob, SupersededStateIsUnknown) {
  const auto first = registry_->append(*registry_->start(kName), "abc");
  const auto second = registry_->append(*first, "def");
  ASSERT_TRUE(second);
  EXPECT_EQ(registry_->append(*first, "xyz").error().reason, reason::kBlobUploadUnknown);
  EXPECT_EQ(registry_->status(*first).error().reason, reason::kBlobUploadUnknown);
  EXPECT_EQ(registry_->cancel(*first).error().reason, reason::kBlobUploadUnknown);
  ASSERT_TRUE(registry_->finish(*second, sha256_of("abcdef")));
  EXPECT_EQ(registry_->append(*second, "x").error().reason, reason::kBlobUploadUnknown);
}

TEST_P(PushBlob, RepeatedClosingRequestSucceeds) {
  const auto upload = registry_->append(*registry_->start(kName), "abc");
  ASSERT_TRUE(registry_->finish(*upload, sha256_of("abcdef"), "def"));
  const auto again = registry_->finish(*upload, sha256_of("abcdef"), "def");
  ASSERT_TRUE(again) << again.error().message;
  EXPECT_EQ(again->size, 6U);
  // But not for bytes that are not there.
  EXPECT_EQ(registry_->finish(*upload, sha256_of("other"), "def").error().reason,
            reason::kBlobUploadUnknown);
}

TEST_P(PushBlob, CancelForgetsTheUpload) {
  EXPECT_TRUE(registry_->cancel(*registry_->start(kName)));
  const auto upload = registry_->append(*registry_->start(kName), "abc");
  ASSERT_TRUE(registry_->cancel(*upload));
  EXPECT_TRUE(keys().empty());
  EXPECT_EQ(registry_->cancel(*upload).error().reason, reason::kBlobUploadUnknown);
  EXPECT_EQ(registry_->finish(*upload, sha256_of("abc")).error().reason,
            reason::kBlobUploadUnknown);
}

TEST_P(PushBlob, DamagedHashStateIsRefused) {
  auto upload = registry_->append(*registry_->start(kName), "abc");
  upload->hash_state.pop_back();
  EXPECT_EQ(registry_->append(*upload, "def").error().reason, reason::kBlobUploadInvalid);
}

TEST_P(PushBlob, SmallBlobCostsTwoCallsToAFarStore) {
  ASSERT_TRUE(registry_->push(kName, "first"));  // looks whether a collection is open
  store_.calls.clear();
  ASSERT_TRUE(registry_->push(kName, "hello"));
  using Calls = std::vector<std::string>;
  if (GetParam()) {
    EXPECT_EQ(store_.calls, (Calls{"open_upload", "put"}));  // open and commit are one there
  } else {
    EXPECT_EQ(store_.calls, (Calls{"open_upload", "head", "put"}));
  }
}

// Where the bytes are going to stay, as far as the store was told.
class HintStore final : public StoreDecorator {
 public:
  using StoreDecorator::StoreDecorator;

  Task<Result<std::unique_ptr<storage::UploadWriter>>> open_upload(
      Context& context, storage::ObjectKey scratch, std::string token, std::uint64_t offset,
      std::optional<std::uint64_t> expected_size) override {
    BUNKER_CO_TRY_ASSIGN(
        auto writer, co_await StoreDecorator::open_upload(context, std::move(scratch),
                                                          std::move(token), offset, expected_size));
    co_return std::make_unique<Writer>(std::move(writer), hints);
  }

  std::vector<std::string> hints;

 private:
  class Writer final : public storage::UploadWriter {
   public:
    Writer(std::unique_ptr<storage::UploadWriter> inner, std::vector<std::string>& hints)
        : inner_(std::move(inner)), hints_(hints) {}
    void expect_key(const storage::ObjectKey& key) override { hints_.push_back("expect " + key); }
    Task<Result<void>> write(std::span<const std::byte> bytes) override {
      return inner_->write(bytes);
    }
    Task<Result<std::string>> suspend() override { return inner_->suspend(); }
    Task<Result<std::string>> suspend_as(storage::ObjectKey key) override {
      hints_.push_back("suspend as " + key);
      return inner_->suspend_as(std::move(key));
    }
    Task<Result<void>> commit(storage::ObjectKey key) override {
      return inner_->commit(std::move(key));
    }

   private:
    std::unique_ptr<storage::UploadWriter> inner_;
    std::vector<std::string>& hints_;
  };
};

TEST_P(PushBlob, TellsTheStoreWhereTheBytesWillStay) {
  HintStore store(*memory_);
  SyncRegistry registry(store, clock_, default_options());
  const std::string whole = layout::blob_data(sha256_of("abc"));
  ASSERT_TRUE(registry.push(kName, "abc"));
  EXPECT_EQ(store.hints, std::vector<std::string>{"expect " + whole});

  store.hints.clear();
  const auto streamed = registry.append(*registry.start(kName), "abc");
  EXPECT_EQ(store.hints, std::vector<std::string>{"suspend as " + whole});
  // The guess was wrong: more follows.
  const auto more = registry.append(*streamed, "def");
  ASSERT_TRUE(more);
  ASSERT_TRUE(registry.finish(*more, sha256_of("abcdef")));

  store.hints.clear();
  ASSERT_TRUE(registry.append(*registry.start(kName), "abc", 0));  // a chunk of many
  EXPECT_TRUE(store.hints.empty());
}

TEST_P(PushBlob, MountsFromARepositoryThatHasIt) {
  ASSERT_TRUE(registry_->push("source", "hello"));
  EXPECT_TRUE(*registry_->mount(kName, sha256_of("hello"), "source"));
  EXPECT_EQ(*registry_->blob(kName, sha256_of("hello")), "hello");
}

TEST_P(PushBlob, MountWithoutSourceTakesItFromAnywhere) {
  ASSERT_TRUE(registry_->push("source", "hello", Algorithm::sha512));
  EXPECT_TRUE(*registry_->mount(kName, sha512_of("hello")));
  EXPECT_EQ(*registry_->blob(kName, sha512_of("hello")), "hello");
  EXPECT_FALSE(*registry_->mount(kName, sha256_of("hello")));
}

TEST_P(PushBlob, MountOfWhatIsNotThereIsNoError) {
  ASSERT_TRUE(registry_->push("source", "hello"));
  EXPECT_FALSE(*registry_->mount(kName, sha256_of("hello"), "elsewhere"));
  EXPECT_FALSE(*registry_->mount(kName, sha256_of("missing"), "source"));
  remove_object(layout::blob_data(sha256_of("hello")));
  EXPECT_FALSE(*registry_->mount(kName, sha256_of("hello"), "source"));
  EXPECT_FALSE(registry_->stat(kName, sha256_of("hello")));
}

TEST_P(PushBlob, ReadOnlyRefusesEveryWrite) {
  const auto upload = registry_->append(*registry_->start(kName), "abc");
  const auto before = keys();
  registry_->registry.set_read_only(true);
  EXPECT_EQ(registry_->start(kName).error().reason, reason::kUnsupported);
  EXPECT_EQ(registry_->append(*upload, "x").error().code, Code::unsupported);
  EXPECT_EQ(registry_->finish(*upload, sha256_of("abc")).error().code, Code::unsupported);
  EXPECT_EQ(registry_->cancel(*upload).error().code, Code::unsupported);
  EXPECT_EQ(registry_->mount("other", sha256_of("abc")).error().code, Code::unsupported);
  EXPECT_EQ(registry_->put(kName, "a", "{}").error().code, Code::unsupported);
  EXPECT_EQ(registry_->remove(kName, "a").error().code, Code::unsupported);
  EXPECT_EQ(registry_->remove_blob(kName, sha256_of("abc")).error().code, Code::unsupported);
  EXPECT_EQ(registry_->purge(std::chrono::seconds(0)).error().code, Code::unsupported);
  EXPECT_EQ(keys(), before);
  registry_->registry.set_read_only(false);
  EXPECT_TRUE(registry_->finish(*upload, sha256_of("abc")));
}

}  // namespace
}  // namespace bunker::registry
