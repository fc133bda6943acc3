// What the filesystem driver promises beyond the contract: its layout, its manners towards other
// processes on the folder, and that no name or link leads out of it.
#include "registryd/storage/filesystem/filesystem_store.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/runtime/io_threads.h"
#include "registryd/storage/filesystem/posix.h"
#include "tests/support/temp_folder.h"

namespace bunker::storage {
namespace {

namespace fs = std::filesystem;

std::string slurp(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

template <class T>
std::optional<Code> code_of(const Result<T>& result) {
  if (result) return std::nullopt;
  return result.error().code;
}

class FilesystemStoreTest : public testing::Test {
 protected:
  std::unique_ptr<ObjectStore> open() {
    FilesystemOptions options;
    options.root = folder_.path();
    options.pool = &pool_;
    return open_filesystem_store(options).value();
  }
  Result<void> put(const std::string& key, const std::string& bytes) {
    return run_task(store_->put(context_, key, bytes));
  }
  Result<std::string> read(const std::string& key) {
    return run_task(store_->read(context_, key, 1 << 20));
  }
  Result<std::unique_ptr<UploadWriter>> open_upload(ObjectStore& store, const std::string& token,
                                                    std::uint64_t offset) {
    return run_task(store.open_upload(context_, kScratch, token, offset, std::nullopt));
  }
  static Result<void> write(UploadWriter& writer, std::string_view bytes) {
    return run_task(writer.write(std::as_bytes(std::span(bytes))));
  }
  std::string begin_upload(std::string_view bytes) {
    const auto writer = open_upload(*store_, "", 0).value();
    EXPECT_TRUE(write(*writer, bytes));
    return run_task(writer->suspend()).value();
  }
  // The one file in the upload's folder.
  std::string upload_file() { return fs::directory_iterator(folder_ / "r/_uploads/u")->path(); }

  static constexpr const char* kScratch = "r/_uploads/u/data";
  TempFolder folder_;
  BlockingPool pool_{2};
  std::unique_ptr<ObjectStore> store_ = open();
  Context context_;
};

TEST_F(FilesystemStoreTest, AKeyIsThePathOfItsFile) {
  ASSERT_TRUE(put("docker/registry/v2/blobs/sha256/ab/abcd/data", "bytes"));
  EXPECT_EQ(slurp(folder_ / "docker/registry/v2/blobs/sha256/ab/abcd/data"), "bytes");
  folder_.write("docker/registry/v2/repositories/r/_layers/sha256/ab/link", "sha256:ab");
  EXPECT_EQ(read("docker/registry/v2/repositories/r/_layers/sha256/ab/link").value(), "sha256:ab");
}

TEST_F(FilesystemStoreTest, NobodyElseMayWriteWhatIsWritten) {
  const mode_t before = ::umask(0);
  const auto done = put("a/b", "x");
  ::umask(before);
  ASSERT_TRUE(done);
  EXPECT_EQ(fs::status(folder_ / "a/b").permissions(), fs::perms(0644));
  EXPECT_EQ(fs::status(folder_ / "a").permissions(), fs::perms(0755));
}

TEST_F(FilesystemStoreTest, LinksThatLeadOutAreNotFollowed) {
  TempFolder outside;
  outside.write("secret", "secret");
  outside.write("dir/file", "secret");
  fs::create_symlink(outside / "secret", folder_ / "file");
  fs::create_symlink(outside / "dir", folder_ / "dir");
  fs::create_symlink("..", folder_ / "up");
  const std::string name = fs::path(outside.path()).filename();
  for (const std::string& key :
       {std::string("file"), std::string("dir/file"), "up/" + name + "/secret"}) {
    SCOPED_TRACE(key);
    EXPECT_FALSE(read(key));
    EXPECT_FALSE(run_task(store_->head(context_, key)));
    EXPECT_FALSE(run_task(store_->get(context_, key, {})));
  }
  EXPECT_EQ(code_of(put("dir/new", "x")), Code::internal);
  EXPECT_FALSE(fs::exists(outside / "dir/new"));
  EXPECT_FALSE(run_task(store_->remove(context_, {"dir/file"})));
  EXPECT_TRUE(fs::exists(outside / "dir/file"));
  // The link itself is what a put replaces and a removal removes.
  ASSERT_TRUE(put("file", "mine"));
  EXPECT_EQ(slurp(outside / "secret"), "secret");
  EXPECT_EQ(read("file").value(), "mine");
}

TEST_F(FilesystemStoreTest, LinksThatStayWithinAreFollowed) {
  folder_.write("real/file", "x");
  fs::create_symlink("real", folder_ / "link");
  EXPECT_EQ(read("link/file").value(), "x");
  ASSERT_TRUE(put("link/other", "y"));
  EXPECT_EQ(slurp(folder_ / "real/other"), "y");
}

TEST_F(FilesystemStoreTest, WhatIsNoFileIsNoObject) {
  ASSERT_EQ(::mkfifo((folder_ / "fifo").c_str(), 0600), 0);
  fs::create_directories(folder_ / "folder");
  for (const char* key : {"fifo", "folder"}) {
    EXPECT_EQ(code_of(read(key)), Code::not_found);
    EXPECT_EQ(code_of(run_task(store_->head(context_, key))), Code::not_found);
    EXPECT_EQ(code_of(run_task(store_->get(context_, key, {}))), Code::not_found);
  }
}

TEST_F(FilesystemStoreTest, AnObjectCannotBeAFolderToo) {
  ASSERT_TRUE(put("a", "x"));
  EXPECT_EQ(code_of(put("a/b", "y")), Code::invalid);
  ASSERT_TRUE(put("c/d", "x"));
  EXPECT_EQ(code_of(put("c", "y")), Code::invalid);
  EXPECT_EQ(read("a").value(), "x");
  EXPECT_EQ(read("c/d").value(), "x");
}

TEST_F(FilesystemStoreTest, NamesTooLongForTheFilesystemAreRefused) {
  const std::string key = "a/" + std::string(256, 'n');
  EXPECT_EQ(code_of(put(key, "x")), Code::invalid);
  EXPECT_EQ(code_of(read(key)), Code::not_found);
  EXPECT_TRUE(run_task(store_->remove(context_, {key})));
}

TEST_F(FilesystemStoreTest, ItsOwnFilesAreNoObjects) {
  ASSERT_TRUE(put("a", "x"));
  folder_.write(".bunker-tmp/x", "x");
  EXPECT_EQ(code_of(read(".bunker-tmp/x")), Code::invalid);
  EXPECT_EQ(code_of(put(".bunker-tmp/y", "x")), Code::invalid);
  EXPECT_EQ(code_of(put(".bunker-tmp", "x")), Code::invalid);
}

TEST_F(FilesystemStoreTest, TheTemporaryFolderMayBeRemovedAtAnyTime) {
  ASSERT_TRUE(put("a", "x"));
  fs::remove_all(folder_ / ".bunker-tmp");
  ASSERT_TRUE(put("b", "y"));
  EXPECT_EQ(read("b").value(), "y");
}

TEST_F(FilesystemStoreTest, AFailedPutLeavesNoTemporaryFile) {
  ASSERT_TRUE(put("a", "x"));
  ASSERT_FALSE(put("a/b", "y"));
  EXPECT_TRUE(fs::is_empty(folder_ / ".bunker-tmp"));
}

TEST_F(FilesystemStoreTest, AFolderThatCannotBeOpenedIsExplained) {
  folder_.write("file", "x");
  FilesystemOptions options;
  options.root = folder_ / "file/below";
  options.pool = &pool_;
  const auto opened = open_filesystem_store(options);
  ASSERT_FALSE(opened);
  EXPECT_NE(opened.error().message.find(options.root), std::string::npos);
}

TEST_F(FilesystemStoreTest, TwoStoresOnOneFolderAgreeOnWhoWrites) {
  const auto other = open();
  const std::string token = begin_upload("one");
  auto writer = open_upload(*store_, token, 3);
  ASSERT_TRUE(writer);
  EXPECT_EQ(code_of(open_upload(*other, token, 3)), Code::conflict);
  ASSERT_TRUE(write(**writer, "two"));
  const std::string next = run_task((*writer)->suspend()).value();
  EXPECT_EQ(code_of(open_upload(*other, token, 3)), Code::not_found);
  const auto second = open_upload(*other, next, 6);
  ASSERT_TRUE(second);
  ASSERT_TRUE(run_task((*second)->commit("k")));
  EXPECT_EQ(read("k").value(), "onetwo");
}

TEST_F(FilesystemStoreTest, AnUploadSurvivesTheStoreThatBeganIt) {
  const std::string token = begin_upload("one");
  store_.reset();
  store_ = open();
  const auto writer = open_upload(*store_, token, 3);
  ASSERT_TRUE(writer);
  ASSERT_TRUE(write(**writer, "two"));
  ASSERT_TRUE(run_task((*writer)->commit("k")));
  EXPECT_EQ(read("k").value(), "onetwo");
}

TEST_F(FilesystemStoreTest, BytesBehindTheOffsetAreCutOff) {
  const std::string token = begin_upload("one");
  std::ofstream(upload_file(), std::ios::app) << "of a writer that died";
  const auto writer = open_upload(*store_, token, 3);
  ASSERT_TRUE(writer);
  ASSERT_TRUE(run_task((*writer)->commit("k")));
  EXPECT_EQ(read("k").value(), "one");
}

TEST_F(FilesystemStoreTest, AnUploadThatLostBytesIsNotFound) {
  const std::string token = begin_upload("0123456789");
  fs::resize_file(upload_file(), 9);
  EXPECT_EQ(code_of(open_upload(*store_, token, 10)), Code::not_found);
  EXPECT_EQ(code_of(run_task(store_->read_upload(context_, kScratch, token))), Code::not_found);
}

TEST_F(FilesystemStoreTest, APurgeByAnotherProcessEndsAnUpload) {
  auto writer = open_upload(*store_, "", 0);
  ASSERT_TRUE(writer);
  ASSERT_TRUE(write(**writer, std::string(300'000, 'x')));
  fs::remove_all(folder_ / "r/_uploads");
  EXPECT_TRUE(write(**writer, std::string(300'000, 'x')));
  EXPECT_EQ(code_of(run_task((*writer)->commit("k"))), Code::not_found);
  EXPECT_EQ(code_of(read("k")), Code::not_found);
}

TEST_F(FilesystemStoreTest, AWriterMayOutliveItsStore) {
  auto writer = open_upload(*store_, "", 0);
  ASSERT_TRUE(writer);
  ASSERT_TRUE(write(**writer, std::string(300'000, 'x')));
  store_.reset();
  writer->reset();
  EXPECT_FALSE(fs::exists(folder_ / "r"));
}

TEST_F(FilesystemStoreTest, ACommittedObjectIsOutOfReachOfItsWriter) {
  const auto writer = open_upload(*store_, "", 0);
  ASSERT_TRUE(writer);
  ASSERT_TRUE(write(**writer, "good"));
  ASSERT_TRUE(run_task((*writer)->commit("k")));
  (void)write(**writer, std::string(300'000, 'E'));
  (void)run_task((*writer)->suspend());
  EXPECT_EQ(read("k").value(), "good");
}

TEST(SystemError, SaysWhatToDo) {
  EXPECT_EQ(system_error(ENOSPC, "write", "k").code, Code::retry_later);
  EXPECT_NE(system_error(ENOSPC, "write", "k").message.find("full"), std::string::npos);
  EXPECT_EQ(system_error(EDQUOT, "write", "k").code, Code::retry_later);
  EXPECT_EQ(system_error(EROFS, "write", "k").code, Code::retry_later);
  EXPECT_EQ(system_error(EMFILE, "open", "k").code, Code::retry_later);
  EXPECT_EQ(system_error(EIO, "read", "k").code, Code::internal);
  EXPECT_EQ(system_error(EACCES, "read", "k").code, Code::internal);
}

}  // namespace
}  // namespace bunker::storage
