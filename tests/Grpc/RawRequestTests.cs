using System.Buffers.Binary;
using System.Net;
using System.Net.Http.Headers;
using DistSgd.Grpc.Tests.V1;
using Google.Protobuf;
using Grpc.Core;
using Microsoft.AspNetCore.Server.Kestrel.Core;

namespace DistSgd.Grpc.Tests;

/// <summary>What no well-behaved client sends, sent over plain HTTP/2; each time the server must say what was wrong and serve on.</summary>
public sealed class RawRequestTests
{
    private const string UnaryPath = "/distsgd.tests.v1.Echo/Unary";

    private static byte[] Frame(byte flag, uint announcedBytes, byte[] payload)
    {
        var frame = new byte[5 + payload.Length];
        frame[0] = flag;
        BinaryPrimitives.WriteUInt32BigEndian(frame.AsSpan(1), announcedBytes);
        payload.CopyTo(frame, 5);
        return frame;
    }

    private static byte[] Whole(string text)
    {
        var payload = new EchoRequest { Text = text }.ToByteArray();
        return Frame(0, (uint)payload.Length, payload);
    }

    public static TheoryData<string, byte[], StatusCode, string> BadBodies => new()
    {
        { "no message", [], StatusCode.Unimplemented, "exactly one request; the client sent none" },
        { "part of a header", [0, 0, 0], StatusCode.Internal, "ended after 3 of 5 bytes" },
        { "part of a payload", Frame(0, 100, new byte[7]), StatusCode.Internal, "ended after 12 of 105 bytes" },
        { "two messages", [.. Whole("a"), .. Whole("b")], StatusCode.Unimplemented, "exactly one request; the client sent more" },
        { "compressed without encoding", Frame(1, 0, []), StatusCode.Internal, "no grpc-encoding was announced" },
        { "unknown flag", Frame(2, 0, []), StatusCode.Internal, "compressed flag is 2" },
        { "over the limit", Frame(0, 4 * 1024 * 1024 + 1, []), StatusCode.ResourceExhausted, "it has 4194305 bytes, the limit is 4194304 bytes" },
        { "over everything", Frame(0, uint.MaxValue, []), StatusCode.ResourceExhausted, "it has 4294967295 bytes" },
        { "not protobuf", Frame(0, 3, [0xff, 0xff, 0xff]), StatusCode.Internal, "can't be deserialized" },
    };

    [Theory]
    [MemberData(nameof(BadBodies))]
    public async Task Body_Malformed_IsAnsweredAsSpecified(string what, byte[] body, StatusCode code, string detail)
    {
        await using var host = await EchoHost.StartAsync();
        using var response = await PostAsync(host, UnaryPath, body);
        Assert.True(code == CodeOf(response), $"{what}: expected {code}, got {CodeOf(response)}");
        Assert.Contains(detail, DetailOf(response), StringComparison.Ordinal);
        await StillServesAsync(host);
    }

    [Theory]
    [InlineData("application/json")]
    [InlineData("application/grpcx")]
    [InlineData(null)]
    public async Task ContentType_NotGrpc_Is415(string? contentType)
    {
        await using var host = await EchoHost.StartAsync();
        using var response = await PostAsync(host, UnaryPath, Whole("a"), contentType);
        Assert.Equal(HttpStatusCode.UnsupportedMediaType, response.StatusCode);
        await StillServesAsync(host);
    }

    [Theory]
    [InlineData("application/grpc")]
    [InlineData("application/grpc+proto")]
    [InlineData("application/grpc; charset=utf-8")]
    public async Task ContentType_Grpc_IsServed(string contentType)
    {
        await using var host = await EchoHost.StartAsync();
        using var response = await PostAsync(host, UnaryPath, Whole("a"), contentType);
        Assert.Equal(HttpStatusCode.OK, response.StatusCode);
        Assert.Equal(StatusCode.OK, CodeOf(response));
        Assert.Equal("application/grpc", response.Content.Headers.ContentType!.MediaType);
        Assert.Equal(Whole("a"), await response.Content.ReadAsByteArrayAsync());
    }

    [Fact]
    public async Task Encoding_NotSupported_IsUnimplementedAndTellsWhatIs()
    {
        await using var host = await EchoHost.StartAsync();
        using var response = await PostAsync(host, UnaryPath, Whole("a"), headers: ("grpc-encoding", "br"));
        Assert.Equal(StatusCode.Unimplemented, CodeOf(response));
        Assert.Equal("identity,gzip,deflate", response.Headers.GetValues("grpc-accept-encoding").Single());
        Assert.Contains("'br'", DetailOf(response), StringComparison.Ordinal);
        await StillServesAsync(host);
    }

    [Theory]
    [InlineData("123456789S")]
    [InlineData("1x")]
    [InlineData("-1S")]
    [InlineData("S")]
    public async Task Timeout_Malformed_IsRefused(string timeout)
    {
        await using var host = await EchoHost.StartAsync();
        using var response = await PostAsync(host, UnaryPath, Whole("a"), headers: ("grpc-timeout", timeout));
        Assert.Equal(StatusCode.Internal, CodeOf(response));
        Assert.Contains("grpc-timeout", DetailOf(response), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Timeout_ServiceIgnoresItsToken_ServerAnswersAllTheSame()
    {
        await using var host = await EchoHost.StartAsync();
        var payload = new EchoRequest { Behavior = "hang" }.ToByteArray();
        using var response = await PostAsync(host, UnaryPath, Frame(0, (uint)payload.Length, payload), headers: ("grpc-timeout", "100m"))
            .WaitAsync(TimeSpan.FromSeconds(30));
        Assert.Equal(StatusCode.DeadlineExceeded, CodeOf(response));
        Assert.False(host.Probe.Release.Task.IsCompleted);
        await StillServesAsync(host);
    }

    [Fact]
    public async Task Metadata_NotBase64_IsRefusedWhereItIsRead()
    {
        await using var host = await EchoHost.StartAsync();
        var payload = new EchoRequest { Behavior = "metadata" }.ToByteArray();
        using var response = await PostAsync(host, UnaryPath, Frame(0, (uint)payload.Length, payload), headers: ("echo-x-bin", "!!"));
        Assert.Equal(StatusCode.InvalidArgument, CodeOf(response));
        await StillServesAsync(host);
    }

    [Fact]
    public async Task Http1_GrpcRequest_IsAskedToUpgrade()
    {
        await using var host = await EchoHost.StartAsync(protocols: HttpProtocols.Http1);
        using var client = new HttpClient();
        using var content = Body(Whole("a"), "application/grpc");
        using var response = await client.PostAsync(host.Address + UnaryPath, content);
        Assert.Equal(HttpStatusCode.UpgradeRequired, response.StatusCode);
    }

    [Fact]
    public async Task PlainHttp_BesideGrpc_IsServed()
    {
        await using var host = await EchoHost.StartAsync();
        using var client = NewClient();
        Assert.Equal("not gRPC", await client.GetStringAsync(host.Address + "/plain"));
        using var missing = await client.GetAsync(host.Address + "/a/b");
        Assert.Equal(HttpStatusCode.NotFound, missing.StatusCode);
    }

    private static async Task StillServesAsync(EchoHost host) =>
        Assert.Equal("after", (await host.Client.UnaryAsync(new EchoRequest { Text = "after" }).ResponseAsync.WaitAsync(TimeSpan.FromSeconds(30))).Text);

    private static async Task<HttpResponseMessage> PostAsync(
        EchoHost host, string path, byte[] body, string? contentType = "application/grpc", (string Name, string Value)? headers = null)
    {
        using var client = NewClient();
        using var request = new HttpRequestMessage(HttpMethod.Post, host.Address + path)
        {
            Version = HttpVersion.Version20,
            VersionPolicy = HttpVersionPolicy.RequestVersionExact,
            Content = Body(body, contentType),
        };
        if (headers is var (name, value))
            request.Headers.TryAddWithoutValidation(name, value);
        return await client.SendAsync(request);
    }

    private static HttpClient NewClient() => new()
    {
        DefaultRequestVersion = HttpVersion.Version20,
        DefaultVersionPolicy = HttpVersionPolicy.RequestVersionExact,
    };

    private static ByteArrayContent Body(byte[] body, string? contentType)
    {
        var content = new ByteArrayContent(body);
        if (contentType is not null)
            content.Headers.ContentType = MediaTypeHeaderValue.Parse(contentType);
        return content;
    }

    private static StatusCode CodeOf(HttpResponseMessage response) => (StatusCode)int.Parse(Find(response, "grpc-status") ?? "99");

    private static string DetailOf(HttpResponseMessage response) => Uri.UnescapeDataString(Find(response, "grpc-message") ?? "");

    private static string? Find(HttpResponseMessage response, string name) =>
        response.Headers.TryGetValues(name, out var head) || response.TrailingHeaders.TryGetValues(name, out head) ? head.Single() : null;
}
