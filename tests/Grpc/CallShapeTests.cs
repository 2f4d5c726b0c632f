using DistSgd.Grpc.Tests.V1;
using Google.Protobuf;
using Grpc.Core;

namespace DistSgd.Grpc.Tests;

public sealed class CallShapeTests
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    [Fact]
    public async Task Unary_Text_ComesBack()
    {
        await using var host = await EchoHost.StartAsync();
        var reply = await host.Client.UnaryAsync(new EchoRequest { Text = "hello" }).ResponseAsync.WaitAsync(Patience);
        Assert.Equal("hello", reply.Text);
    }

    [Fact]
    public async Task BlockingUnary_Text_ComesBack()
    {
        await using var host = await EchoHost.StartAsync();
        Assert.Equal("hello", await Task.Run(() => host.Client.Unary(new EchoRequest { Text = "hello" }).Text).WaitAsync(Patience));
    }

    [Fact]
    public async Task Unary_EmptyMessages_AreMessages()
    {
        await using var host = await EchoHost.StartAsync();
        using var call = host.Client.UnaryAsync(new EchoRequest());
        Assert.Equal(new EchoReply(), await call.ResponseAsync.WaitAsync(Patience));
        Assert.Equal(StatusCode.OK, call.GetStatus().StatusCode);
        Assert.Empty(call.GetTrailers());
    }

    [Fact]
    public async Task Unary_PayloadsAroundBufferSizes_ComeBackWhole()
    {
        await using var host = await EchoHost.StartAsync();
        foreach (var size in new[] { 1, 4080, 4090, 4096, 4097, 16384, 65_535, 65_536, 1_000_003, 4_000_000 })
        {
            var payload = ByteString.CopyFrom([.. Enumerable.Range(0, size).Select(i => (byte)(i * 31 + size))]);
            var reply = await host.Client.UnaryAsync(new EchoRequest { Payload = payload }).ResponseAsync.WaitAsync(Patience);
            Assert.True(payload == reply.Payload, $"A payload of {size} bytes came back changed.");
        }
    }

    [Fact]
    public async Task ClientStreaming_AllRequests_AreCollectedInOrder()
    {
        await using var host = await EchoHost.StartAsync();
        using var call = host.Client.Collect();
        for (var i = 0; i < 100; i++)
            await call.RequestStream.WriteAsync(new EchoRequest { Text = i.ToString() }).WaitAsync(Patience);
        await call.RequestStream.CompleteAsync();
        Assert.Equal(string.Join(',', Enumerable.Range(0, 100)), (await call.ResponseAsync.WaitAsync(Patience)).Text);
    }

    [Fact]
    public async Task ClientStreaming_NoRequest_IsAnswered()
    {
        await using var host = await EchoHost.StartAsync();
        using var call = host.Client.Collect();
        await call.RequestStream.CompleteAsync();
        Assert.Equal("", (await call.ResponseAsync.WaitAsync(Patience)).Text);
    }

    [Fact]
    public async Task ServerStreaming_AllResponses_ComeInOrder()
    {
        await using var host = await EchoHost.StartAsync();
        using var call = host.Client.Expand(new EchoRequest { Text = "x", Responses = 100, Payload = ByteString.CopyFrom(new byte[5000]) });
        var indices = new List<int>();
        await foreach (var reply in call.ResponseStream.ReadAllAsync())
            indices.Add(reply.Index);
        Assert.Equal(Enumerable.Range(0, 100), indices);
        Assert.Equal(Status.DefaultSuccess, call.GetStatus());
    }

    [Fact]
    public async Task ServerStreaming_NoResponse_EndsAtOnce()
    {
        await using var host = await EchoHost.StartAsync();
        using var call = host.Client.Expand(new EchoRequest());
        Assert.False(await call.ResponseStream.MoveNext().WaitAsync(Patience));
        Assert.False(await call.ResponseStream.MoveNext().WaitAsync(Patience));
    }

    [Fact]
    public async Task Duplex_EachRequest_IsAnsweredBeforeTheNext()
    {
        await using var host = await EchoHost.StartAsync();
        using var call = host.Client.Chat();
        for (var i = 0; i < 50; i++)
        {
            await call.RequestStream.WriteAsync(new EchoRequest { Text = $"m{i}" }).WaitAsync(Patience);
            Assert.True(await call.ResponseStream.MoveNext().WaitAsync(Patience));
            Assert.Equal($"m{i}", call.ResponseStream.Current.Text);
        }
        await call.RequestStream.CompleteAsync();
        Assert.False(await call.ResponseStream.MoveNext().WaitAsync(Patience));
    }

    [Fact]
    public async Task Calls_ManyAtOnce_DontMixTheirPayloads()
    {
        await using var host = await EchoHost.StartAsync();
        var calls = Enumerable.Range(0, 64).Select(async i =>
        {
            var payload = ByteString.CopyFrom(Enumerable.Repeat((byte)i, 1000 * (i + 1)).ToArray());
            for (var round = 0; round < 5; round++)
            {
                var reply = await host.Client.UnaryAsync(new EchoRequest { Payload = payload, Text = $"{i}/{round}" });
                Assert.Equal($"{i}/{round}", reply.Text);
                Assert.True(payload == reply.Payload, $"The payload of call {i} came back changed in round {round}.");
            }
        });
        await Task.WhenAll(calls).WaitAsync(Patience);
    }
}
