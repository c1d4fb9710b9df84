#include "gateway/responses_store.h"

#include <gtest/gtest.h>

#include <boost/json.hpp>
#include <thread>

#include "gateway/responses_routes.h"

namespace ondol {
namespace {

namespace json = boost::json;

ConversationItem make_item(const std::string& id, const std::string& text = "") {
  return std::make_shared<const json::object>(json::object{{"id", id}, {"text", text}});
}

json::object make_response(const std::string& id, const std::string& status, json::array output = {}) {
  json::object response;
  response["id"] = id;
  response["status"] = status;
  response["output"] = std::move(output);
  return response;
}

class ResponsesStoreTest : public testing::Test {
 protected:
  void start(const ResponsesStore::Limits& limits) { store_ = std::make_unique<ResponsesStore>(limits, clock_); }
  void add(const std::string& id, std::vector<ConversationItem> items, json::array output = {}, std::string_view owner = "") {
    store_->begin(owner, make_response(id, "in_progress"), std::move(items), {});
    store_->finish(owner, make_response(id, "completed", std::move(output)));
  }
  bool has(const std::string& id, std::string_view owner = "") { return store_->response(owner, id).has_value(); }
  json::object page(const std::string& id, const ResponsesStore::Page& page) { return store_->input_items("", id, page).value(); }
  ApiResult<HttpResponse> send(std::string method, std::string path, std::string query = "", std::string_view owner = "") {
    HttpRequest request;
    request.method = std::move(method);
    request.path = std::move(path);
    request.query = std::move(query);
    return stored_response(*store_, owner, request);
  }

  ManualClock clock_;
  std::unique_ptr<ResponsesStore> store_ = std::make_unique<ResponsesStore>(ResponsesStore::Limits{}, clock_);
};

TEST_F(ResponsesStoreTest, ReturnsWhatWasFinished) {
  store_->begin("", make_response("resp_1", "in_progress"), {make_item("msg_1")}, {});
  EXPECT_EQ(store_->response("", "resp_1").value(), make_response("resp_1", "in_progress"));
  const json::array output{json::object{{"id", "msg_2"}}};
  store_->finish("", make_response("resp_1", "completed", output));
  EXPECT_EQ(store_->response("", "resp_1").value(), make_response("resp_1", "completed", output));
  const std::vector<ConversationItem> items = store_->conversation("", "resp_1").value();
  ASSERT_EQ(items.size(), 2u);
  EXPECT_EQ(items[0]->at("id"), "msg_1");
  EXPECT_EQ(items[1]->at("id"), "msg_2");
  EXPECT_EQ(store_->item("", "msg_2"), items[1]);
  store_->finish("", make_response("resp_1", "failed"));
  EXPECT_EQ(store_->response("", "resp_1")->at("status"), "completed") << "only once";
}

TEST_F(ResponsesStoreTest, AConversationGoesOnOnlyFromItsEnd) {
  store_->begin("", make_response("resp_1", "in_progress"), {make_item("msg_1")}, {});
  EXPECT_EQ(store_->conversation("", "resp_1").error().code, "previous_response_in_progress");
  EXPECT_EQ(store_->conversation("", "resp_2").error().code, "previous_response_not_found");
}

TEST_F(ResponsesStoreTest, OwnersSeeTheirOwn) {
  add("resp_1", {make_item("msg_1")}, {json::object{{"id", "msg_2"}}}, "alice");
  EXPECT_TRUE(has("resp_1", "alice"));
  for (const char* owner : {"", "bob", "alice2"}) {
    EXPECT_EQ(store_->response(owner, "resp_1").error().status, 404);
    EXPECT_FALSE(store_->conversation(owner, "resp_1"));
    EXPECT_FALSE(store_->input_items(owner, "resp_1", {}));
    EXPECT_EQ(store_->item(owner, "msg_2"), nullptr);
    EXPECT_FALSE(store_->cancel(owner, "resp_1"));
    EXPECT_FALSE(store_->erase(owner, "resp_1"));
    store_->finish(owner, make_response("resp_1", "failed"));
  }
  EXPECT_EQ(store_->response("alice", "resp_1")->at("status"), "completed");
  EXPECT_NE(store_->item("alice", "msg_2"), nullptr);
}

TEST_F(ResponsesStoreTest, PagesThroughTheInput) {
  add("resp_1", {make_item("a"), make_item("b"), make_item("c"), make_item("d")});
  EXPECT_EQ(page("resp_1", {}), json::parse(R"({"object": "list", "first_id": "d", "last_id": "a", "has_more": false,
      "data": [{"id": "d", "text": ""}, {"id": "c", "text": ""}, {"id": "b", "text": ""}, {"id": "a", "text": ""}]})"));
  const json::object first = page("resp_1", {.limit = 3, .ascending = true, .after = {}});
  EXPECT_EQ(first.at("last_id"), "c");
  EXPECT_EQ(first.at("has_more"), true);
  const json::object second = page("resp_1", {.limit = 3, .ascending = true, .after = "c"});
  EXPECT_EQ(second.at("first_id"), "d");
  EXPECT_EQ(second.at("has_more"), false);
  EXPECT_EQ(page("resp_1", {.limit = 2, .ascending = false, .after = "a"}).at("data").as_array().size(), 0u);
  EXPECT_EQ(store_->input_items("", "resp_1", {.limit = 2, .ascending = true, .after = "x"}).error().param, "after");
}

TEST_F(ResponsesStoreTest, CancelsWhatIsInProgress) {
  int cancelled = 0;
  store_->begin("", make_response("resp_1", "in_progress"), {make_item("msg_1")}, [&] {
    ++cancelled;
    EXPECT_EQ(store_->entries(), 1u) << "called outside the lock";
  });
  EXPECT_EQ(store_->cancel("", "resp_1")->at("status"), "cancelled");
  EXPECT_EQ(cancelled, 1);
  store_->finish("", make_response("resp_1", "failed"));
  EXPECT_EQ(store_->response("", "resp_1")->at("status"), "cancelled");
  EXPECT_EQ(store_->cancel("", "resp_1").error().status, 400);
  EXPECT_EQ(store_->cancel("", "resp_2").error().status, 404);
  EXPECT_EQ(cancelled, 1);
}

TEST_F(ResponsesStoreTest, LeastRecentlyUsedGoesFirst) {
  start({.max_entries = 2});
  add("resp_1", {make_item("msg_1")});
  add("resp_2", {make_item("msg_2")});
  EXPECT_TRUE(has("resp_1"));
  add("resp_3", {make_item("msg_3")});
  EXPECT_TRUE(has("resp_1"));
  EXPECT_FALSE(has("resp_2"));
  EXPECT_EQ(store_->item("", "msg_2"), nullptr);
  EXPECT_NE(store_->item("", "msg_1"), nullptr);
}

TEST_F(ResponsesStoreTest, ForgetsWhatIsIdle) {
  start({.max_idle_us = 10});
  add("resp_1", {make_item("msg_1")});
  add("resp_2", {make_item("msg_2")});
  clock_.advance_us(8);
  EXPECT_TRUE(has("resp_1"));
  clock_.advance_us(8);
  EXPECT_TRUE(has("resp_1"));
  EXPECT_FALSE(has("resp_2"));
  clock_.advance_us(11);
  EXPECT_FALSE(has("resp_1"));
  EXPECT_EQ(store_->entries(), 0u);
  EXPECT_EQ(store_->bytes(), 0u);
}

TEST_F(ResponsesStoreTest, AConversationCostsWhatItsTurnsAdd) {
  const size_t kText = 100'000;
  const size_t empty = store_->bytes();
  add("resp_0", {make_item("msg_0", std::string(kText, 'a'))});
  const size_t first = store_->bytes() - empty;
  EXPECT_GE(first, kText);
  for (int turn = 1; turn < 20; ++turn) {
    std::vector<ConversationItem> items = store_->conversation("", "resp_" + std::to_string(turn - 1)).value();
    items.push_back(make_item("msg_" + std::to_string(turn)));
    add("resp_" + std::to_string(turn), std::move(items));
  }
  EXPECT_LT(store_->bytes(), 2 * first);
  for (int turn = 0; turn < 19; ++turn) EXPECT_TRUE(store_->erase("", "resp_" + std::to_string(turn)));
  EXPECT_GE(store_->bytes(), kText) << "the last response still holds the first item";
  EXPECT_NE(store_->item("", "msg_0"), nullptr);
  EXPECT_TRUE(store_->erase("", "resp_19"));
  EXPECT_EQ(store_->bytes(), empty);
  EXPECT_EQ(store_->item("", "msg_0"), nullptr);
}

TEST_F(ResponsesStoreTest, BytesAreBounded) {
  start({.max_bytes = 100'000});
  for (int i = 0; i < 100; ++i) {
    add("resp_" + std::to_string(i), {make_item("msg_" + std::to_string(i), std::string(10'000, 'a'))},
        {json::object{{"id", "out_" + std::to_string(i)}, {"text", std::string(1000, 'b')}}});
    EXPECT_LE(store_->bytes(), 100'000u);
  }
  EXPECT_TRUE(has("resp_99"));
  EXPECT_FALSE(has("resp_50"));
  add("resp_big", {make_item("msg_big", std::string(200'000, 'a'))});
  EXPECT_FALSE(has("resp_big"));
  EXPECT_EQ(store_->bytes(), 0u);
}

TEST_F(ResponsesStoreTest, OfTwoItemsWithOneIdTheNewerIsFound) {
  add("resp_1", {make_item("msg_1", "old")});
  add("resp_2", {make_item("msg_1", "new")});
  EXPECT_EQ(store_->item("", "msg_1")->at("text"), "new");
  EXPECT_TRUE(store_->erase("", "resp_1"));
  EXPECT_EQ(store_->item("", "msg_1")->at("text"), "new");
  EXPECT_TRUE(store_->erase("", "resp_2"));
  EXPECT_EQ(store_->item("", "msg_1"), nullptr);
  EXPECT_EQ(store_->bytes(), 0u);
}

TEST_F(ResponsesStoreTest, ManyThreads) {
  start({.max_entries = 20});
  std::vector<std::thread> threads;
  for (int thread = 0; thread < 4; ++thread) {
    threads.emplace_back([this, thread] {
      const std::string owner = "owner" + std::to_string(thread % 2);
      for (int i = 0; i < 200; ++i) {
        const std::string id = "resp_" + std::to_string(thread) + "_" + std::to_string(i);
        std::vector<ConversationItem> items{make_item("msg_" + id)};
        store_->begin(owner, make_response(id, "in_progress"), items, [] {});
        if (i % 3 == 0) (void)store_->cancel(owner, id);
        store_->finish(owner, make_response(id, "completed", {json::object{{"id", "out_" + id}}}));
        (void)store_->conversation(owner, id);
        (void)store_->input_items(owner, id, {});
        if (i % 5 == 0) (void)store_->erase(owner, id);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(store_->entries(), 20u);
}

TEST_F(ResponsesStoreTest, Routes) {
  add("resp_1", {make_item("a"), make_item("b c")}, {}, "alice");
  EXPECT_FALSE(is_stored_response_path("/v1/responses"));
  EXPECT_FALSE(is_stored_response_path("/v1/responses/"));
  EXPECT_TRUE(is_stored_response_path("/v1/responses/resp_1/cancel"));
  EXPECT_EQ(json::parse(send("GET", "/v1/responses/resp_1", "", "alice")->body), make_response("resp_1", "completed"));
  const std::string items = "/v1/responses/resp_1/input_items";
  EXPECT_EQ(json::parse(send("GET", items, "order=asc&limit=1&include%5B%5D=x&flag", "alice")->body).at("last_id"), "a");
  EXPECT_EQ(json::parse(send("GET", items, "after=b%20c", "alice")->body).at("first_id"), "a");
  EXPECT_EQ(json::parse(send("DELETE", "/v1/responses/resp_1", "", "alice")->body),
            json::parse(R"({"id": "resp_1", "object": "response", "deleted": true})"));
  EXPECT_EQ(send("GET", "/v1/responses/resp_1", "", "alice").error().status, 404);
}

TEST_F(ResponsesStoreTest, RoutesRefuse) {
  struct Row {
    std::string method, path, query;
    int status;
    std::string part;
  };
  add("resp_1", {make_item("a")});
  const std::vector<Row> rows = {
      {"PUT", "/v1/responses/resp_1", "", 405, "use GET, DELETE"},
      {"POST", "/v1/responses/resp_1/input_items", "", 405, "use GET"},
      {"GET", "/v1/responses/resp_1/cancel", "", 405, "use POST"},
      {"GET", "/v1/responses/resp_1/other", "", 404, "nothing at"},
      {"GET", "/v1/responses/resp_2", "", 404, "Response with id \"resp_2\" not found"},
      {"DELETE", "/v1/responses/resp_2", "", 404, "not found"},
      {"POST", "/v1/responses/resp_1/cancel", "", 400, "Cannot cancel a synchronous response"},
      {"GET", "/v1/responses/resp_1", "stream=true", 400, "stream is not supported"},
      {"GET", "/v1/responses/resp_1/input_items", "limit=0", 400, "from 1 to 100"},
      {"GET", "/v1/responses/resp_1/input_items", "limit=1x", 400, "from 1 to 100"},
      {"GET", "/v1/responses/resp_1/input_items", "limit=99999999999999999999", 400, "from 1 to 100"},
      {"GET", "/v1/responses/resp_1/input_items", "order=up", 400, "asc or desc"},
      {"GET", "/v1/responses/resp_1/input_items", "after=%zz", 400, "not valid"},
  };
  for (const Row& row : rows) {
    const auto response = send(row.method, row.path, row.query);
    ASSERT_FALSE(response) << row.method << " " << row.path;
    EXPECT_EQ(response.error().status, row.status) << row.path;
    EXPECT_NE(response.error().message.find(row.part), std::string::npos) << response.error().message;
  }
}

}  // namespace
}  // namespace ondol
