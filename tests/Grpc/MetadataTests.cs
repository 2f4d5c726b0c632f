using DistSgd.Grpc.Tests.V1;
using Grpc.Core;

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
        Assert.False(context.AuthContext.IsPeerAuthenticated);
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
