// The endpoints: each parses a request, calls the registry once or twice, and renders the answer.
// Tasks obey call.context and end before `call` does; errors are rendered by the caller.
#pragma once

#include "lib/base/result.h"
#include "lib/http/message.h"
#include "registryd/api/call.h"

namespace bunker::api {

using Answer = Task<Result<http::Response>>;

Answer get_root(Call& call);  // for load balancers: 200 without a body
Answer get_base(Call& call);  // end-1

Answer get_manifest(Call& call);     // end-3, HEAD too
Answer put_manifest(Call& call);     // end-7
Answer delete_manifest(Call& call);  // end-9

Answer get_blob(Call& call);     // end-2
Answer head_blob(Call& call);    // end-2
Answer delete_blob(Call& call);  // end-10

Answer start_upload(Call& call);   // end-4a, end-4b, end-11
Answer append_upload(Call& call);  // end-5
Answer finish_upload(Call& call);  // end-6
Answer upload_status(Call& call);  // end-13
Answer cancel_upload(Call& call);  // end-14

Answer list_tags(Call& call);       // end-8a, end-8b
Answer list_catalog(Call& call);    // docker's /v2/_catalog
Answer list_referrers(Call& call);  // end-12a, end-12b

}  // namespace bunker::api
