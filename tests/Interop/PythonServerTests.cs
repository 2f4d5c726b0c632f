using System.Text;
using DistSgd.TestKit;
using Grpc.Core;

namespace DistSgd.Interop.Tests;

/// <summary>Our client calls python3-grpcio.</summary>
public sealed class PythonServerTests(PythonServer server) : IClassFixture<PythonServer>
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    private static CallOptions Behave(string behavior) => new(new Metadata { { "behavior", behavior } });

    public static TheoryData<string> Cases => CaseMatrix.Of(CaseMatrix.OursToPython);

    [PeerTheory(Python.Grpc, Python.Protobuf, Python.Compiler, Python.Plugin)]
    [MemberData(nameof(Cases))]
    public Task PythonServer_Case_Passes(string name) => CaseMatrix.RunAsync(CaseMatrix.OursToPython, name, server.Invoker);

    [PeerFact(Python.Grpc, Python.Protobuf, Python.Compiler, Python.Plugin)]
    public async Task Unary_AnySize_ComesBackWhole()
    {
        foreach (var bytes in new[] { 0, 1, 4091, 4096, 65_536, 1_000_003 })
        {
            var payload = new byte[bytes];
            new Random(bytes).NextBytes(payload);
            Assert.Equal(payload, (await UnaryAsync(payload, default)).AsEnumerable());
        }
    }

    [PeerFact(Python.Grpc, Python.Protobuf, Python.Compiler, Python.Plugin)]
    public async Task Unary_32Megabytes_ComesBackWhole()
    {
        var payload = new byte[32 << 20];
        new Random(3).NextBytes(payload);
        Assert.True(payload.AsEnumerable().SequenceEqual(await UnaryAsync(payload, default)), "32 MiB came back changed (seed 3).");
    }

    [PeerFact(Python.Grpc, Python.Protobuf, Python.Compiler, Python.Plugin)]
    public async Task Unary_OverTheServersLimit_IsResourceExhausted()
    {
        var e = await Assert.ThrowsAsync<RpcException>(() => UnaryAsync(new byte[PeerServer.MessageBytesMax + 1], default));
        Assert.Equal(StatusCode.ResourceExhausted, e.StatusCode);
        Assert.Equal("after", Encoding.UTF8.GetString(await UnaryAsync("after"u8.ToArray(), default)));
    }

    [PeerTheory(Python.Grpc, Python.Protobuf, Python.Compiler, Python.Plugin)]
    [InlineData("gzip")]
    [InlineData("deflate")]
    public async Task Unary_Compressed_ComesBackWhole(string encoding)
    {
        var payload = new byte[300_000];
        new Random(5).NextBytes(payload.AsSpan(0, 100_000));
        var headers = new Metadata { { "grpc-internal-encoding-request", encoding }, { "behavior", "compress-" + encoding } };
        Assert.True(payload.AsEnumerable().SequenceEqual(await UnaryAsync(payload, new CallOptions(headers))), "300 kB came back changed (seed 5).");
    }

    [PeerFact(Python.Grpc, Python.Protobuf, Python.Compiler, Python.Plugin)]
    public async Task ClientStreaming_AllRequests_Arrive()
    {
        using var call = server.Invoker.AsyncClientStreamingCall(BytesService.CollectMethod, null, default);
        for (var i = 0; i < 50; i++)
            await call.RequestStream.WriteAsync(new byte[i]).WaitAsync(Patience);
        await call.RequestStream.CompleteAsync();
        Assert.Equal(string.Join(',', Enumerable.Range(0, 50)), Encoding.UTF8.GetString(await call.ResponseAsync.WaitAsync(Patience)));
    }

    [PeerFact(Python.Grpc, Python.Protobuf, Python.Compiler, Python.Plugin)]
    public async Task ServerStreaming_AllResponses_Arrive()
    {
        using var call = server.Invoker.AsyncServerStreamingCall(BytesService.ExpandMethod, null, default, "100"u8.ToArray());
        var seen = new List<string>();
        await foreach (var reply in call.ResponseStream.ReadAllAsync())
            seen.Add(Encoding.UTF8.GetString(reply));
        Assert.Equal(Enumerable.Range(0, 100).Select(i => i.ToString()), seen);
        Assert.Equal(StatusCode.OK, call.GetStatus().StatusCode);
    }

    [PeerFact(Python.Grpc, Python.Protobuf, Python.Compiler, Python.Plugin)]
    public async Task Duplex_PingPong_KeepsOrder()
    {
        using var call = server.Invoker.AsyncDuplexStreamingCall(BytesService.ChatMethod, null, default);
        for (var i = 0; i < 50; i++)
        {
            await call.RequestStream.WriteAsync([(byte)i]).WaitAsync(Patience);
            Assert.True(await call.ResponseStream.MoveNext().WaitAsync(Patience));
            Assert.Equal([(byte)i], call.ResponseStream.Current);
        }
        await call.RequestStream.CompleteAsync();
        Assert.False(await call.ResponseStream.MoveNext().WaitAsync(Patience));
    }

    [PeerFact(Python.Grpc, Python.Protobuf, Python.Compiler, Python.Plugin)]
    public async Task Metadata_TextAndBytes_TravelBothWays()
    {
        var bytes = Enumerable.Range(0, 256).Select(i => (byte)i).ToArray();
        var sent = new Metadata { { "behavior", "metadata" }, { "echo-text", "plain, with comma" }, { "echo-raw-bin", bytes }, { "echo-empty-bin", [] } };
        using var call = server.Invoker.AsyncUnaryCall(BytesService.UnaryMethod, null, new CallOptions(sent), []);
        await call.ResponseAsync.WaitAsync(Patience);
        foreach (var received in new[] { await call.ResponseHeadersAsync, call.GetTrailers() })
        {
            Assert.Equal("plain, with comma", received.GetValue("echo-text"));
            Assert.Equal(bytes, received.GetValueBytes("echo-raw-bin")!);
            Assert.Equal([], received.GetValueBytes("echo-empty-bin")!);
        }
    }

    [PeerFact(Python.Grpc, Python.Protobuf, Python.Compiler, Python.Plugin)]
    public async Task Status_CodeDetailAndTrailers_Arrive()
    {
        var e = await Assert.ThrowsAsync<RpcException>(() => UnaryAsync([], Behave("status")));
        Assert.Equal(new Status(StatusCode.FailedPrecondition, "50 % of τ\n"), e.Status);
        Assert.Equal("because", e.Trailers.GetValue("why"));
        Assert.Equal([0, 255, 1], e.Trailers.GetValueBytes("raw-bin")!);
    }

    [PeerFact(Python.Grpc, Python.Protobuf, Python.Compiler, Python.Plugin)]
    public async Task Status_AfterMessages_ComesAfterThem()
    {
        using var call = server.Invoker.AsyncServerStreamingCall(BytesService.ExpandMethod, null, Behave("status"), "3"u8.ToArray());
        for (var i = 0; i < 3; i++)
            Assert.True(await call.ResponseStream.MoveNext().WaitAsync(Patience));
        var e = await Assert.ThrowsAsync<RpcException>(() => call.ResponseStream.MoveNext().WaitAsync(Patience));
        Assert.Equal(StatusCode.FailedPrecondition, e.StatusCode);
    }

    [PeerFact(Python.Grpc, Python.Protobuf, Python.Compiler, Python.Plugin)]
    public async Task Exception_InTheHandler_IsUnknown()
    {
        var e = await Assert.ThrowsAsync<RpcException>(() => UnaryAsync([], Behave("throw")));
        Assert.Equal(StatusCode.Unknown, e.StatusCode);
    }

    [PeerFact(Python.Grpc, Python.Protobuf, Python.Compiler, Python.Plugin)]
    public async Task Method_NotThere_IsUnimplemented()
    {
        var missing = new Method<byte[], byte[]>(
            MethodType.Unary, "distsgd.interop.Bytes", "Missing", BytesService.UnaryMethod.RequestMarshaller, BytesService.UnaryMethod.ResponseMarshaller);
        var e = await Assert.ThrowsAsync<RpcException>(
            () => server.Invoker.AsyncUnaryCall(missing, null, default, []).ResponseAsync.WaitAsync(Patience));
        Assert.Equal(StatusCode.Unimplemented, e.StatusCode);
    }

    [PeerFact(Python.Grpc, Python.Protobuf, Python.Compiler, Python.Plugin)]
    public async Task Deadline_Passed_IsDeadlineExceeded()
    {
        var e = await Assert.ThrowsAsync<RpcException>(() => UnaryAsync([], Behave("wait").WithDeadline(DateTime.UtcNow.AddMilliseconds(200))));
        Assert.Equal(StatusCode.DeadlineExceeded, e.StatusCode);
    }

    [PeerFact(Python.Grpc, Python.Protobuf, Python.Compiler, Python.Plugin)]
    public async Task Deadline_Given_IsKnownToTheServer()
    {
        var reply = await UnaryAsync([], Behave("remaining").WithDeadline(DateTime.UtcNow.AddSeconds(1000)));
        Assert.InRange(double.Parse(Encoding.UTF8.GetString(reply)), 900, 1000);
    }

    [PeerFact(Python.Grpc, Python.Protobuf, Python.Compiler, Python.Plugin)]
    public async Task Cancellation_InAStream_ReachesTheServer()
    {
        var call = server.Invoker.AsyncServerStreamingCall(BytesService.ExpandMethod, null, Behave("wait"), "1"u8.ToArray());
        Assert.True(await call.ResponseStream.MoveNext().WaitAsync(Patience));
        call.Dispose();
        Assert.Equal("yes", Encoding.UTF8.GetString(await UnaryAsync([], Behave("was-cancelled"))));
    }

    private Task<byte[]> UnaryAsync(byte[] request, CallOptions options) =>
        server.Invoker.AsyncUnaryCall(BytesService.UnaryMethod, null, options, request).ResponseAsync.WaitAsync(Patience);
}
