using System.Buffers.Binary;
using System.Net;
using DistSgd.Grpc.Tests.V1;
using Google.Protobuf;
using Grpc.Core;
using Grpc.Net.Client;

namespace DistSgd.Grpc.Tests;

/// <summary>What no well-behaved server answers, given to the client by a handler in its place.</summary>
public sealed class RawResponseTests
{
    public static TheoryData<string, StatusCode, string> BadAnswers => new()
    {
        { "http-404", StatusCode.Unimplemented, "HTTP status 404" },
        { "http-503", StatusCode.Unavailable, "HTTP status 503" },
        { "http-401", StatusCode.Unauthenticated, "HTTP status 401" },
        { "http-418", StatusCode.Unknown, "HTTP status 418" },
        { "html", StatusCode.Unknown, "content-type 'text/html'" },
        { "brotli", StatusCode.Internal, "grpc-encoding 'br'" },
        { "not-gzip", StatusCode.Internal, "isn't valid gzip" },
        { "cut-gzip", StatusCode.Internal, "isn't valid gzip" },
        { "no-status", StatusCode.Unknown, "without a grpc-status" },
        { "status-text", StatusCode.Unknown, "'fine', which is no number" },
        { "status-99", StatusCode.Unknown, "grpc-status is 99" },
        { "no-message", StatusCode.Unimplemented, "the server sent no response" },
        { "two-messages", StatusCode.Unimplemented, "the server sent more than one response" },
        { "cut-header", StatusCode.Internal, "ended after 2 of 5 bytes" },
        { "cut-payload", StatusCode.Internal, "ended after 1 of 9 bytes" },
        { "cut-large-payload", StatusCode.Internal, "ended after 8 of 1000000 bytes" },
        { "compressed", StatusCode.Internal, "marked as compressed" },
        { "not-protobuf", StatusCode.Internal, "can't be deserialized" },
        { "trailers-only", StatusCode.NotFound, "nothing % here" },
    };

    [Theory]
    [MemberData(nameof(BadAnswers))]
    public async Task Answer_NotAsSpecified_EndsTheCallWithAStatus(string answer, StatusCode code, string detail)
    {
        using var channel = GrpcChannel.ForAddress("http://stub", new GrpcChannelOptions { HttpHandler = new StubHandler(answer), DisposeHttpClient = true });
        var call = new Echo.EchoClient(channel).UnaryAsync(new EchoRequest { Text = "x" });
        var e = await Assert.ThrowsAsync<RpcException>(() => call.ResponseAsync.WaitAsync(TimeSpan.FromSeconds(30)));
        Assert.True(code == e.StatusCode, $"{answer}: expected {code}, got {e.Status}");
        Assert.Contains(detail, e.Status.Detail, StringComparison.Ordinal);
    }

    private sealed class StubHandler(string answer) : HttpMessageHandler
    {
        protected override Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
        {
            var response = new HttpResponseMessage(HttpStatusCode.OK) { Version = HttpVersion.Version20, Content = new ByteArrayContent(Body()) };
            response.Content.Headers.ContentType = new("application/grpc");
            response.TrailingHeaders.Add("grpc-status", "0");
            Spoil(response);
            return Task.FromResult(response);
        }

        private byte[] Body() => answer switch
        {
            "no-message" or "trailers-only" => [],
            "two-messages" => [0, 0, 0, 0, 0, 0, 0, 0, 0, 0],
            "cut-header" => [0, 0],
            "cut-payload" => [0, 0, 0, 0, 9, 1],
            "cut-large-payload" => [0, .. BigEndian(1_000_000), .. new byte[8]],
            "compressed" => [1, 0, 0, 0, 0],
            "not-gzip" => [1, 0, 0, 0, 3, 1, 2, 3],
            "cut-gzip" => [1, 0, 0, 0, 12, 0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3, 0xb3, 0x07],
            "not-protobuf" => [0, 0, 0, 0, 2, 0xff, 0xff],
            _ => [0, 0, 0, 0, 0],
        };

        private static byte[] BigEndian(uint value)
        {
            var bytes = new byte[4];
            BinaryPrimitives.WriteUInt32BigEndian(bytes, value);
            return bytes;
        }

        private void Spoil(HttpResponseMessage response)
        {
            if (answer.StartsWith("http-", StringComparison.Ordinal))
                response.StatusCode = (HttpStatusCode)int.Parse(answer[5..]);
            if (answer == "html")
                response.Content.Headers.ContentType = new("text/html");
            if (answer == "brotli")
                response.Headers.Add("grpc-encoding", "br");
            if (answer is "not-gzip" or "cut-gzip")
                response.Headers.Add("grpc-encoding", "gzip");
            if (answer is "no-status" or "trailers-only" or "status-text" or "status-99")
                response.TrailingHeaders.Clear();
            if (answer.StartsWith("status-", StringComparison.Ordinal))
                response.TrailingHeaders.Add("grpc-status", answer[7..] == "text" ? "fine" : answer[7..]);
            if (answer == "trailers-only")
            {
                response.Headers.Add("grpc-status", "5");
                response.Headers.Add("grpc-message", "nothing %25 here");
            }
        }
    }
}
