/* SPDX-License-Identifier: Apache-2.0 */
/* Preloaded: libcurl trusts the authorities in the file that $CURL_SHIM names, where nothing else is configured. */
#include <curl/curl.h>
#include <dlfcn.h>
#include <stdlib.h>

CURL *
curl_easy_init(void)
{
    CURL *(*real)(void);
    CURL *easy;

    *(void **)&real = dlsym(RTLD_NEXT, "curl_easy_init");
    easy = real();
    if (easy != NULL)
        curl_easy_setopt(easy, CURLOPT_CAINFO, getenv("CURL_SHIM"));
    return easy;
}
