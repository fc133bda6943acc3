// Where the programs in a registry's pods find their files. Constants.
#pragma once

#include <string_view>

namespace bunker::desired {

inline constexpr std::string_view kConfigFolder = "/etc/bunker/config";
inline constexpr std::string_view kAccessFolder = "/etc/bunker/access";
inline constexpr std::string_view kAuthFolder = "/etc/bunker/auth";
inline constexpr std::string_view kCertificatesFolder = "/etc/bunker/certificates";
inline constexpr std::string_view kClientCaFolder = "/etc/bunker/client-ca";
inline constexpr std::string_view kS3CaFolder = "/etc/bunker/s3-ca";
inline constexpr std::string_view kRedisCaFolder = "/etc/bunker/redis-ca";
inline constexpr std::string_view kDataFolder = "/var/lib/registry";

}  // namespace bunker::desired
