#include <gtest/gtest.h>

#include "main/metrics.h"
#include "main/metrics_service.h"

namespace daemon_main
{
namespace
{

const MetricsService::Source figures{[] { return std::string("figures\n"); }, [] { return false; }};

std::string status_of(const std::string& answer) { return answer.substr(0, answer.find('\r')); }

TEST(HttpAnswer, KnowsTwoPaths)
{
    const auto metrics = http_answer("GET /metrics HTTP/1.1\r\nHost: a\r\n\r\n", figures);
    EXPECT_EQ(status_of(metrics), "HTTP/1.1 200 OK");
    EXPECT_NE(metrics.find("\r\nContent-Type: text/plain; version=0.0.4; charset=utf-8\r\n"),
              std::string::npos);
    EXPECT_NE(metrics.find("\r\nContent-Length: 8\r\n"), std::string::npos);
    EXPECT_NE(metrics.find("\r\nConnection: close\r\n"), std::string::npos);
    EXPECT_TRUE(metrics.ends_with("\r\n\r\nfigures\n"));
    EXPECT_TRUE(http_answer("GET /metrics?x=y HTTP/1.0\n\n", figures).ends_with("figures\n"));
    EXPECT_TRUE(http_answer("GET /healthz HTTP/1.1\r\n\r\n", figures).ends_with("\r\n\r\nok\n"));
    EXPECT_EQ(status_of(http_answer("GET / HTTP/1.1\r\n\r\n", figures)), "HTTP/1.1 404 Not Found");
    EXPECT_EQ(status_of(http_answer("GET /metrics/ HTTP/1.1\r\n\r\n", figures)), "HTTP/1.1 404 Not Found");
    EXPECT_EQ(status_of(http_answer("GET /../etc/passwd HTTP/1.1\r\n\r\n", figures)),
              "HTTP/1.1 404 Not Found");
}

TEST(HttpAnswer, RefusesWhatIsNoRequestForThem)
{
    const auto head = http_answer("HEAD /metrics HTTP/1.1\r\n\r\n", figures);
    EXPECT_EQ(status_of(head), "HTTP/1.1 405 Method Not Allowed");
    EXPECT_NE(head.find("\r\nAllow: GET\r\n"), std::string::npos);
    for (const char* bad : {"\r\n\r\n", "GET\r\n\r\n", "GET /metrics\r\n\r\n",
                            "GET /metrics HTTP/2.0\r\n\r\n", "GET /metrics HTTP/1.1 \r\n\r\n", " \r\n\r\n"})
        EXPECT_EQ(status_of(http_answer(bad, figures)), "HTTP/1.1 400 Bad Request") << bad;
    EXPECT_EQ(status_of(http_answer("", figures)), "HTTP/1.1 408 Request Timeout");
    EXPECT_EQ(status_of(http_answer("GET /metrics HTTP/1.1\r\n", figures)), "HTTP/1.1 408 Request Timeout");
    EXPECT_EQ(status_of(http_answer(std::string(4096, 'x'), figures)),
              "HTTP/1.1 431 Request Header Fields Too Large");
}

TEST(HttpAnswer, SaysThatTheDaemonStops)
{
    const MetricsService::Source stopping{figures.text, [] { return true; }};
    EXPECT_EQ(status_of(http_answer("GET /healthz HTTP/1.1\r\n\r\n", stopping)),
              "HTTP/1.1 503 Service Unavailable");
    EXPECT_EQ(status_of(http_answer("GET /metrics HTTP/1.1\r\n\r\n", stopping)), "HTTP/1.1 200 OK");
}

}  // namespace
}  // namespace daemon_main
