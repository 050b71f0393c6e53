// Which shapes get a model of their own, and which keep it.
#include "backends/openvino/static_shapes.h"

#include <gtest/gtest.h>

#include "ipfs_accelerate/error.h"

namespace accelerate::openvino {
namespace {

/// A user whose models are empty: only when they are made counts.
struct User {
  StaticShapes shapes;
  std::map<CallShape, int> compiled = {};
  bool fails = false;

  /// Whether the call of that shape had a model of its own.
  bool call(const CallShape& shape) {
    return shapes.find(shape, [&] {
      ++compiled[shape];
      if (fails) throw Error(ErrorKind::out_of_memory, "no room");
      return std::make_unique<CompiledGraph>(std::vector<Feed>{}, ov::CompiledModel(), nullptr);
    }) != nullptr;
  }

  int calls_without(const CallShape& shape, int calls) {
    int without = 0;
    for (int i = 0; i < calls; ++i) without += call(shape) ? 0 : 1;
    return without;
  }
};

TEST(StaticShapes, AShapeThatComesAgainIsCompiledOnce) {
  User user{StaticShapes(2)};
  EXPECT_EQ(user.calls_without({0, 16}, 10), 3);
  EXPECT_EQ(user.calls_without({0, 32}, 10), 3);
  EXPECT_EQ(user.compiled[(CallShape{0, 16})], 1);
  EXPECT_EQ(user.compiled[(CallShape{0, 32})], 1);
}

TEST(StaticShapes, ManyShapesInTurnDoNotPushEachOtherOut) {
  User user{StaticShapes(2)};
  for (int round = 0; round < 50; ++round)
    for (std::int64_t shape = 0; shape < 20; ++shape) user.call({shape});
  int compiled = 0;
  for (const auto& [shape, times] : user.compiled) compiled += times;
  EXPECT_EQ(compiled, 2);
}

TEST(StaticShapes, AShapeTakesThePlaceOfOneThatCameHalfAsOften) {
  User user{StaticShapes(1)};
  user.calls_without({1}, 5);
  EXPECT_EQ(user.calls_without({2}, 20), 9);
  EXPECT_FALSE(user.call({1}));
  EXPECT_TRUE(user.call({2}));
}

TEST(StaticShapes, WhatCannotBeCompiledIsNotTriedAgain) {
  User user{StaticShapes(2)};
  user.fails = true;
  EXPECT_EQ(user.calls_without({1}, 20), 20);
  EXPECT_EQ(user.compiled[{1}], 1);
}

TEST(StaticShapes, ThereMayBeNoRoomForAny) {
  User user{StaticShapes(0)};
  EXPECT_EQ(user.calls_without({1}, 20), 20);
}

}  // namespace
}  // namespace accelerate::openvino
