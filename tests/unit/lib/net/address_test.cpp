#include "lib/net/address.h"

#include <string>

#include <gtest/gtest.h>
#include <netinet/in.h>

namespace bunker::net {
namespace {

TEST(Address, SplitsHostAndPort) {
  const auto expect = [](std::string_view text, std::string_view host, unsigned port) {
    const auto parts = split_host_port(text);
    ASSERT_TRUE(parts) << text;
    EXPECT_EQ(parts->host, host);
    EXPECT_EQ(parts->port, port);
  };
  expect("127.0.0.1:5000", "127.0.0.1", 5000);
  expect(":5000", "", 5000);
  expect("[::1]:0", "::1", 0);
  expect("registry.example:65535", "registry.example", 65535);
}

TEST(Address, RefusesWhatIsNone) {
  for (const char* text : {"", "5000", "host", "host:", "host:x", "host:65536", "host:-1",
                           "host: 1", "::1:5000", "[::1]", "[]:1", "[::1:1", "a/b:1", "a b:1"}) {
    const auto parts = split_host_port(text);
    ASSERT_FALSE(parts) << text;
    EXPECT_EQ(parts.error().code, Code::invalid);
    EXPECT_FALSE(listen_endpoints("tcp", text)) << text;
  }
}

TEST(Address, AnEmptyHostIsBothFamilies) {
  const auto endpoints = listen_endpoints("tcp", ":5000");
  ASSERT_TRUE(endpoints);
  ASSERT_EQ(endpoints->size(), 2U);
  EXPECT_EQ(to_string((*endpoints)[0]), "[::]:5000");
  EXPECT_EQ(to_string((*endpoints)[1]), "0.0.0.0:5000");
}

TEST(Address, ALocalNameIsIpv4First) {
  const auto endpoints = listen_endpoints("tcp", "localhost:80");
  ASSERT_TRUE(endpoints);
  EXPECT_EQ(to_string(endpoints->front()), "127.0.0.1:80");
}

TEST(Address, WritesMappedAddressesAsIpv4) {
  const auto endpoints = listen_endpoints("tcp", "[::ffff:192.0.2.7]:81");
  ASSERT_TRUE(endpoints);
  EXPECT_EQ(to_string(endpoints->front()), "192.0.2.7:81");
}

TEST(Address, UnixPathsAreBounded) {
  const auto path = listen_endpoints("unix", "/run/a.sock");
  ASSERT_TRUE(path);
  EXPECT_EQ(to_string(path->front()), "/run/a.sock");
  EXPECT_TRUE(listen_endpoints("unix", std::string(107, 'a')));
  EXPECT_FALSE(listen_endpoints("unix", std::string(108, 'a')));
  EXPECT_FALSE(listen_endpoints("unix", ""));
  EXPECT_FALSE(listen_endpoints("udp", ":1"));
}

TEST(Address, ResolvesNumbersWithoutAResolver) {
  const auto endpoints = resolve("::1", 443);
  ASSERT_TRUE(endpoints);
  EXPECT_EQ(to_string(endpoints->front()), "[::1]:443");
  EXPECT_EQ(resolve("no such host", 1).error().code, Code::invalid);
}

}  // namespace
}  // namespace bunker::net
