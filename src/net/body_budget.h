// Private to this room: how many bytes of request bodies are in memory, over all connections of a server.
//
// Owner: ServerCore; its shares belong to parsers and exchanges, which must not outlive it. Any thread. Bounded by what it was made with.
#pragma once

#include <atomic>
#include <cstddef>
#include <utility>

namespace ondol {

class BodyBudget {
 public:
  explicit BodyBudget(size_t bytes) : bytes_(bytes), free_(bytes) {}
  BodyBudget(const BodyBudget&) = delete;
  BodyBudget& operator=(const BodyBudget&) = delete;

  size_t bytes() const { return bytes_; }
  size_t free() const { return free_.load(std::memory_order_relaxed); }

  // What one body holds; given back when it goes.
  class Share {
   public:
    Share() = default;
    explicit Share(BodyBudget& budget) : budget_(&budget) {}
    Share(Share&& other) noexcept : budget_(other.budget_), held_(std::exchange(other.held_, 0)) {}
    Share& operator=(Share&& other) noexcept {
      std::swap(budget_, other.budget_);
      std::swap(held_, other.held_);
      return *this;
    }
    ~Share() {
      if (held_ > 0) budget_->free_.fetch_add(held_, std::memory_order_relaxed);
    }

    // False if there are not as many bytes: then it holds what it held. Never shrinks; without a budget all is allowed.
    bool grow_to(size_t bytes) {
      if (budget_ == nullptr || bytes <= held_) return true;
      if (!budget_->take(bytes - held_)) return false;
      held_ = bytes;
      return true;
    }

   private:
    BodyBudget* budget_ = nullptr;
    size_t held_ = 0;
  };

 private:
  bool take(size_t bytes) {
    size_t free = free_.load(std::memory_order_relaxed);
    do {
      if (free < bytes) return false;
    } while (!free_.compare_exchange_weak(free, free - bytes, std::memory_order_relaxed));
    return true;
  }

  const size_t bytes_;
  std::atomic<size_t> free_;
};

}  // namespace ondol
