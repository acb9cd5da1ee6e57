// SPDX-License-Identifier: Apache-2.0
// The one file in C++, because simdjson is: a parser for each thread, and its values made jansson's.
#include "plugin/json_fast.h"

#include <cstring>

#include <simdjson.h>

namespace {

// A parser keeps some fifteen times its largest text.
constexpr size_t TEXT_MAX = 256 * 1024;

json_t *make(simdjson::dom::element e);

json_t *
make_array(simdjson::dom::array from)
{
    json_t *to = json_array();

    for (simdjson::dom::element e : from) {
        if (json_array_append_new(to, make(e)) != 0) {
            json_decref(to);
            return nullptr;
        }
    }
    return to;
}

// jansson refuses a name that is there twice, and a NUL in a name.
json_t *
make_object(simdjson::dom::object from)
{
    json_t *to = json_object();
    size_t n = 0;

    for (simdjson::dom::key_value_pair f : from) {
        if (std::memchr(f.key.data(), '\0', f.key.size()) != nullptr ||
            json_object_setn_new_nocheck(to, f.key.data(), f.key.size(), make(f.value)) != 0 ||
            json_object_size(to) != ++n) {
            json_decref(to);
            return nullptr;
        }
    }
    return to;
}

// nullptr also for what jansson has no type for: integers of more than 63 bits.  A failed part fails the whole,
// because jansson's setters refuse nullptr.
json_t *
make(simdjson::dom::element e)
{
    using type = simdjson::dom::element_type;

    switch (e.type()) {
    case type::ARRAY:
        return make_array(e.get_array().value_unsafe());
    case type::OBJECT:
        return make_object(e.get_object().value_unsafe());
    case type::STRING: {
        std::string_view s = e.get_string().value_unsafe();

        return json_stringn_nocheck(s.data(), s.size());
    }
    case type::INT64:
        return json_integer(e.get_int64().value_unsafe());
    case type::DOUBLE:
        return json_real(e.get_double().value_unsafe());
    case type::BOOL:
        return json_boolean(e.get_bool().value_unsafe());
    case type::NULL_VALUE:
        return json_null();
    default:
        return nullptr;
    }
}

} // namespace

extern "C" json_t *
json_fast(const char *text, size_t len)
{
    static thread_local simdjson::dom::parser parser(TEXT_MAX);
    simdjson::dom::element root;

    if (len > TEXT_MAX || parser.parse(text, len).get(root) != simdjson::SUCCESS ||
        !(root.is_object() || root.is_array()))
        return nullptr;
    return make(root);
}
