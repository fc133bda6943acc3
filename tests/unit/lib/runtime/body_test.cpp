#include "lib/runtime/body.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include "lib/base/random.h"
#include "lib/runtime/io_threads.h"

namespace bunker {
namespace {

constexpr std::size_t kNoLimit = std::size_t{1} << 40;

std::shared_ptr<const FileHandle> file_of(const std::string& bytes) {
  std::string path = testing::TempDir() + "body_test.XXXXXX";
  const int fd = ::mkstemp(path.data());
  EXPECT_GE(fd, 0);
  ::unlink(path.c_str());
  EXPECT_EQ(::write(fd, bytes.data(), bytes.size()), static_cast<ssize_t>(bytes.size()));
  return std::make_shared<const FileHandle>(fd);
}

Result<std::string> contents(Body body, std::size_t limit = kNoLimit) {
  const auto source = make_source(std::move(body));
  return run_task(read_all(*source, limit));
}

TEST(BodyTest, EveryKindYieldsItsBytes) {
  const std::string bytes = random_bytes(700'000);  // more than two pieces of a file
  EXPECT_EQ(contents(Body()), "");
  EXPECT_EQ(Body(bytes).length, bytes.size());
  EXPECT_EQ(contents(Body(bytes)), bytes);
  EXPECT_EQ(contents(Body(std::make_shared<const std::string>(bytes))), bytes);
  EXPECT_EQ(contents(Body(FileRegion{file_of(bytes), 0, bytes.size()})), bytes);
  EXPECT_EQ(contents(Body(make_source(Body(bytes)), bytes.size())), bytes);
  EXPECT_EQ(contents(Body(std::string())), "");
}

TEST(BodyTest, ARegionIsItsPartOfTheFile) {
  const auto file = file_of("0123456789");
  EXPECT_EQ(contents(Body(FileRegion{file, 3, 4})), "3456");
  EXPECT_EQ(contents(Body(FileRegion{file, 3, 0})), "");
}

TEST(BodyTest, AFileThatShrankIsDataLoss) {
  const auto result = contents(Body(FileRegion{file_of("0123"), 2, 10}));
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code, Code::data_loss);
}

TEST(BodyTest, AFileThatCannotBeReadIsAnError) {
  const auto handle = std::make_shared<const FileHandle>(::open("/", O_RDONLY | O_CLOEXEC));
  const auto result = contents(Body(FileRegion{handle, 0, 10}));
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code, Code::internal);
}

TEST(BodyTest, SourcesStayAtTheirEnd) {
  const auto source = make_source(Body(std::string("x")));
  EXPECT_EQ(run_task(source->read())->size(), 1u);
  EXPECT_TRUE(run_task(source->read())->empty());
  EXPECT_TRUE(run_task(source->read())->empty());
}

TEST(BodyTest, ReadAllStopsAtItsLimit) {
  EXPECT_EQ(contents(Body(std::string("12345")), 5), "12345");
  const auto over = contents(Body(std::string("123456")), 5);
  ASSERT_FALSE(over);
  EXPECT_EQ(over.error().code, Code::too_large);
}

TEST(BodyTest, AHandleClosesItsFileWithTheLastOwner) {
  int fds[2];
  ASSERT_EQ(::pipe2(fds, O_CLOEXEC), 0);
  const FileHandle reader(fds[0]);
  auto first = std::make_shared<const FileHandle>(fds[1]);
  auto second = first;
  first.reset();
  char byte = 'x';
  ASSERT_EQ(::write(second->fd(), &byte, 1), 1);
  second.reset();
  EXPECT_EQ(::read(reader.fd(), &byte, 1), 1);
  EXPECT_EQ(::read(reader.fd(), &byte, 1), 0);  // end of file: no writer is left
}

}  // namespace
}  // namespace bunker
