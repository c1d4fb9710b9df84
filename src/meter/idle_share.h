// Who kept a device waiting: its idle joules, shared among the models that were in its memory.
//
// Owner: one per device, of whoever has its meter. Any thread (a short lock). Pure: times, bytes and joules are passed in. The shares sum
// to the idle joules. Bounded: kMaxNames names, those that come later are "(other)".
#pragma once

#include <cstdint>
#include <map>
#include <mutex>
#include <string>

namespace ondol {

class IdleShare {
 public:
  static constexpr size_t kMaxNames = 64;
  static constexpr const char* kNobody = "(nobody)";  // no model was in memory
  static constexpr const char* kOther = "(other)";

  explicit IdleShare(int64_t now_us) : last_us_(now_us) {}

  // A model came into memory, or left it, with so many bytes. Several may have one name. Follow the meter first: what it was idle for until
  // now is for those who were there until now.
  void arrive(const std::string& model, uint64_t bytes, int64_t now_us);
  void leave(const std::string& model, uint64_t bytes, int64_t now_us);

  // The meter's idle joules in all, at this time (less than before: a meter made anew). What is new of them is shared out: the time in
  // which nobody was there is nobody's, the rest goes by bytes and time in memory.
  void follow(int64_t now_us, double idle_j);

  // Joules by model, since the start.
  std::map<std::string, double> shares() const;

 private:
  struct Model {
    double bytes = 0;
    double byte_us = 0;  // since the joules were last shared out
    double energy_j = 0;
  };
  Model& find(const std::string& name);
  void pass(int64_t now_us);
  double bytes() const;

  mutable std::mutex mutex_;
  std::map<std::string, Model> models_;
  int64_t last_us_;
  double taken_us_ = 0, empty_us_ = 0;  // since the joules were last shared out: somebody there, nobody
  double nobody_j_ = 0, seen_j_ = 0;
};

}  // namespace ondol
