using DistSgd.Grpc.Tests.V1;
using Grpc.Core;
using Grpc.Wire;

namespace DistSgd.Grpc.Tests;

public sealed class MetadataTests
{
    [Fact]
    public async Task Metadata_TextAndBytes_TravelBothWays()
    {
        await using var host = await EchoHost.StartAsync();
        var bytes = Enumerable.Range(0, 256).Select(i => (byte)i).ToArray();
        var sent = new Metadata { { "Echo-Text", "plain, with comma" }, { "echo-raw-bin", bytes }, { "echo-empty-bin", [] }, { "echo-two", "1" }, { "echo-two", "2" } };
        using var call = host.Client.UnaryAsync(new EchoRequest { Behavior = "metadata" }, sent);
        await call;
        foreach (var received in new[] { await call.ResponseHeadersAsync, call.GetTrailers() })
        {
            Assert.Equal("plain, with comma", received.GetValue("echo-text"));
            Assert.Equal(bytes, received.GetValueBytes("echo-raw-bin")!);
            Assert.Equal([], received.GetValueBytes("echo-empty-bin")!);
            // HTTP may join values of one name by commas, and the client's HTTP stack does.
            Assert.Equal("1, 2", string.Join(", ", received.GetAll("echo-two").Select(entry => entry.Value)));
        }
    }

    [Fact]
    public async Task ServerContext_MethodPeerHostAndHeaders_AreTheCalls()
    {
        await using var host = await EchoHost.StartAsync();
        await host.Client.UnaryAsync(new EchoRequest { Behavior = "metadata" }, new Metadata { { "echo-a", "b" } });
        var context = host.Probe.Context!;
        Assert.Equal("/distsgd.tests.v1.Echo/Unary", context.Method);
        Assert.Equal(DateTime.MaxValue, context.Deadline);
        Assert.Matches("^ipv4:127\\.0\\.0\\.1:[0-9]+$", host.Probe.Peer);
        Assert.Equal(new Uri(host.Address).Authority, host.Probe.Host);
        Assert.False(host.Probe.AuthContext!.IsPeerAuthenticated);
        Assert.Empty(host.Probe.AuthContext.Properties);
    }

    [Theory]
    [InlineData("grpc-timeout")]
    [InlineData("grpc-anything")]
    [InlineData("content-type")]
    [InlineData("te")]
    public async Task Key_ThatBelongsToTheProtocol_IsRefusedAtOnce(string key)
    {
        await using var host = await EchoHost.StartAsync();
        var e = Assert.Throws<ArgumentException>(() => host.Client.UnaryAsync(new EchoRequest(), new Metadata { { key, "1" } }));
        Assert.Contains($"'{key}' belongs to HTTP or gRPC", e.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("a\nb")]
    [InlineData("τ")]
    public async Task Value_OfTextOutsideAscii_IsRefusedAtOnce(string value)
    {
        await using var host = await EchoHost.StartAsync();
        Assert.Throws<ArgumentException>(() => host.Client.UnaryAsync(new EchoRequest(), new Metadata { { "a", value } }));
    }

    [Fact]
    public async Task Trailers_ThatBelongToTheProtocol_EndTheCallWithInternal()
    {
        await using var host = await EchoHost.StartAsync(expectsErrors: true);
        var e = await Assert.ThrowsAsync<RpcException>(async () => await host.Client.UnaryAsync(new EchoRequest { Behavior = "reserved-trailers" }));
        Assert.Equal(new Status(StatusCode.Internal, "The service's response trailers can't be sent."), e.Status);
        Assert.Contains(host.Errors, line => line.Contains("'grpc-status' belongs to HTTP or gRPC", StringComparison.Ordinal));
    }

    [Fact]
    public async Task BinaryValues_PaddedJoinedAndSeveral_AreReadAsTheyWereMeant()
    {
        await using var host = await EchoHost.StartAsync();
        // Four values: two joined by a comma, with and without padding, and two headers of one name.
        using var call = host.Client.UnaryAsync(
            new EchoRequest { Behavior = "metadata" }, new Metadata { { "echo-x-bin", [1] }, { "echo-x-bin", [2, 3] }, { "echo-x-bin", [4, 5, 6] } });
        var received = await call.ResponseHeadersAsync;
        Assert.Equal(["01", "0203", "040506"], received.GetAll("echo-x-bin").Select(entry => Convert.ToHexString(entry.ValueBytes)));
        var metadata = new Metadata();
        MetadataHeaders.Decode(metadata, "X-Bin", "AQ==,AgM, BAUG");
        MetadataHeaders.Decode(metadata, "x-bin", "/w");
        Assert.Equal(["01", "0203", "040506", "FF"], metadata.Select(entry => Convert.ToHexString(entry.ValueBytes)));
    }

    [Theory]
    [InlineData("")]
    [InlineData("with space")]
    [InlineData("ümlaut")]
    public void Key_WithForbiddenCharacters_IsRefused(string key) =>
        Assert.Throws<ArgumentException>(() => new Metadata.Entry(key, "x"));

    [Fact]
    public void Key_BinarySuffix_MustMatchTheValue()
    {
        Assert.Throws<ArgumentException>(() => new Metadata.Entry("a-bin", "x"));
        Assert.Throws<ArgumentException>(() => new Metadata.Entry("a", [1]));
        Assert.Throws<InvalidOperationException>(() => new Metadata.Entry("a-bin", [1]).Value);
        Assert.Equal("ab"u8.ToArray(), new Metadata.Entry("a", "ab").ValueBytes);
    }

    [Fact]
    public void Get_SeveralEntries_GivesTheLast()
    {
        var metadata = new Metadata { { "a", "1" }, { "A", "2" } };
        Assert.Equal("2", metadata.GetValue("a"));
        Assert.Null(metadata.GetValue("b"));
        Assert.Equal(2, metadata.GetAll("A").Count());
    }

    [Fact]
    public void Empty_CantBeChanged() => Assert.Throws<InvalidOperationException>(() => Metadata.Empty.Add("a", "b"));
}
