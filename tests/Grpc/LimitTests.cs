using DistSgd.Grpc.Tests.V1;
using Google.Protobuf;
using Grpc.Core;
using Grpc.Net.Client;

namespace DistSgd.Grpc.Tests;

public sealed class LimitTests
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    private static EchoRequest Large(int bytes) => new() { Payload = ByteString.CopyFrom(new byte[bytes]) };

    [Fact]
    public async Task Request_OverTheServersLimit_IsRefusedWithBothFigures()
    {
        await using var host = await EchoHost.StartAsync(options => options.MaxReceiveMessageSize = 1000);
        var e = await Assert.ThrowsAsync<RpcException>(() => host.Client.UnaryAsync(Large(2000)).ResponseAsync.WaitAsync(Patience));
        Assert.Equal(StatusCode.ResourceExhausted, e.StatusCode);
        Assert.Contains("it has 2003 bytes, the limit is 1000 bytes", e.Status.Detail, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Request_FarOverTheServersLimit_IsRefusedBeforeItIsReadAndTheConnectionServesOn()
    {
        await using var host = await EchoHost.StartAsync();
        for (var i = 0; i < 3; i++)
        {
            var e = await Assert.ThrowsAsync<RpcException>(() => host.Client.UnaryAsync(Large(32 << 20)).ResponseAsync.WaitAsync(Patience));
            Assert.Equal(StatusCode.ResourceExhausted, e.StatusCode);
            Assert.Contains("the limit is 4194304 bytes", e.Status.Detail, StringComparison.Ordinal);
            Assert.Equal("ok", (await host.Client.UnaryAsync(new EchoRequest { Text = "ok" })).Text);
        }
    }

    [Fact]
    public async Task Request_OverTheClientsLimit_IsNotSent()
    {
        await using var host = await EchoHost.StartAsync(client: new GrpcChannelOptions { MaxSendMessageSize = 1000 });
        var e = await Assert.ThrowsAsync<RpcException>(() => host.Client.UnaryAsync(Large(2000)).ResponseAsync.WaitAsync(Patience));
        Assert.Equal(StatusCode.ResourceExhausted, e.StatusCode);
        Assert.Contains("it has 2003 bytes, the limit is 1000 bytes (MaxSendMessageSize)", e.Status.Detail, StringComparison.Ordinal);
        Assert.False(host.Probe.Entered.Task.IsCompleted);
    }

    [Fact]
    public async Task Response_OverTheClientsLimit_IsNotRead()
    {
        await using var host = await EchoHost.StartAsync(client: new GrpcChannelOptions { MaxReceiveMessageSize = 1000 });
        var e = await Assert.ThrowsAsync<RpcException>(() => host.Client.UnaryAsync(Large(2000)).ResponseAsync.WaitAsync(Patience));
        Assert.Equal(StatusCode.ResourceExhausted, e.StatusCode);
        Assert.Contains("(MaxReceiveMessageSize)", e.Status.Detail, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Response_OverTheServersLimit_IsNotSent()
    {
        await using var host = await EchoHost.StartAsync(options => options.MaxSendMessageSize = 1000);
        var e = await Assert.ThrowsAsync<RpcException>(() => host.Client.UnaryAsync(Large(2000)).ResponseAsync.WaitAsync(Patience));
        Assert.Equal(StatusCode.ResourceExhausted, e.StatusCode);
        Assert.Contains("(MaxSendMessageSize)", e.Status.Detail, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Messages_Of32Megabytes_PassBothWaysWhenAllowed()
    {
        await using var host = await EchoHost.StartAsync(
            options => options.MaxReceiveMessageSize = null, new GrpcChannelOptions { MaxReceiveMessageSize = null });
        var payload = new byte[32 << 20];
        new Random(7).NextBytes(payload);
        var reply = await host.Client.UnaryAsync(new EchoRequest { Payload = UnsafeByteOperations.UnsafeWrap(payload) }).ResponseAsync.WaitAsync(Patience);
        Assert.True(reply.Payload.Span.SequenceEqual(payload), "32 MiB came back changed (seed 7).");
    }
}
