#include "lib/kube/object.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "lib/kube/object_json.h"

namespace bunker::kube {
namespace {

constexpr std::string_view kDeployment = R"({
  "apiVersion": "apps/v1", "kind": "Deployment",
  "metadata": {
    "name": "web", "namespace": "prod", "uid": "u-1", "resourceVersion": "42", "generation": 7,
    "labels": {"app": "web"}, "annotations": {"bunker.dev/hash": "abc"},
    "finalizers": ["bunker.dev/revoke"],
    "ownerReferences": [
      {"apiVersion": "v1", "kind": "ConfigMap", "name": "other", "uid": "u-2"},
      {"apiVersion": "bunker.dev/v1alpha1", "kind": "Registry", "name": "r", "uid": "u-3",
       "controller": true}]
  },
  "spec": {"replicas": 3, "a/b": {"c~d": [10, 20]}}
})";

Object deployment() {
  return Object::parse(kDeployment).value();
}

TEST(ObjectTest, ShowsWhatEveryObjectHas) {
  const Object object = deployment();
  EXPECT_EQ(object.gvk(), (Gvk{"apps", "v1", "Deployment"}));
  EXPECT_EQ(object.gvk().api_version(), "apps/v1");
  EXPECT_EQ(object.key(), (ObjectKey{"prod", "web"}));
  EXPECT_EQ(to_string(object.key()), "prod/web");
  EXPECT_EQ(object.uid(), "u-1");
  EXPECT_EQ(object.resource_version(), "42");
  EXPECT_EQ(object.generation(), 7);
  EXPECT_FALSE(object.deleting());
  EXPECT_TRUE(object.has_finalizer("bunker.dev/revoke"));
  EXPECT_FALSE(object.has_finalizer("bunker.dev"));
  EXPECT_EQ(object.label("app"), "web");
  EXPECT_EQ(object.label("tier"), std::nullopt);
  EXPECT_EQ(object.annotation("bunker.dev/hash"), "abc");
  EXPECT_EQ(object.owners().size(), 2u);
  EXPECT_EQ(object.controller().value().name, "r");
}

TEST(ObjectTest, AnObjectWithoutFieldsHasNothing) {
  const Object object;
  EXPECT_EQ(object.dump(), "{}");
  EXPECT_EQ(object.gvk(), Gvk());
  EXPECT_EQ(object.name(), "");
  EXPECT_EQ(object.generation(), 0);
  EXPECT_TRUE(object.owners().empty());
  EXPECT_EQ(object.controller(), std::nullopt);
}

TEST(ObjectTest, FieldsOfAnotherTypeAreNone) {
  const Object object =
      Object::parse(R"({"kind": 1, "metadata": {"name": [], "labels": "x", "finalizers": {},
                        "ownerReferences": 3, "generation": "7"}})")
          .value();
  EXPECT_EQ(object.gvk(), Gvk());
  EXPECT_EQ(object.name(), "");
  EXPECT_EQ(object.label("x"), std::nullopt);
  EXPECT_FALSE(object.has_finalizer("x"));
  EXPECT_TRUE(object.owners().empty());
  EXPECT_EQ(object.generation(), 0);
}

TEST(ObjectTest, WhatIsNoJsonObjectIsRefused) {
  EXPECT_EQ(Object::parse("{").error().code, Code::invalid);
  EXPECT_EQ(Object::parse("[]").error().code, Code::invalid);
  EXPECT_EQ(Object::parse("").error().code, Code::invalid);
}

TEST(ObjectTest, ValuesAreFoundByPointer) {
  const Object object = deployment();
  EXPECT_EQ(at(object, "/spec/replicas"), 3);
  EXPECT_EQ(at(object, "/spec/a~1b/c~0d/1"), 20);
  EXPECT_TRUE(at(object, "/spec/a~1b/c~0d/2").is_null());
  EXPECT_TRUE(at(object, "/spec/a~1b/c~0d/x").is_null());
  EXPECT_TRUE(at(object, "/spec/replicas/deeper").is_null());
  EXPECT_TRUE(at(object, "/status").is_null());
  EXPECT_EQ(at(object, ""), json_of(object));
}

TEST(ObjectTest, EqualObjectsGiveEqualText) {
  const Object one = Object::parse(R"({"b": 1, "a": {"y": 2, "x": 3}})").value();
  const Object two = Object::parse(R"({"a": {"x": 3, "y": 2}, "b": 1})").value();
  EXPECT_EQ(one, two);
  EXPECT_EQ(one.dump(), two.dump());
  EXPECT_NE(one, deployment());
}

}  // namespace
}  // namespace bunker::kube
