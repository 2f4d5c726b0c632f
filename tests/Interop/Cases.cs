using DistSgd.Interop.Tests.Testing;
using Google.Protobuf;
using Grpc.Core;

namespace DistSgd.Interop.Tests;

/// <summary>The interop test cases on our client, by the names and figures of their specification (github.com/grpc/grpc/blob/master/doc/interop-test-descriptions.md).</summary>
internal sealed class Cases(CallInvoker invoker)
{
    private const string SpecialMessage = "\t\ntest with whitespace\r\nand Unicode BMP ☺ and non-BMP 😈\t\n";

    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    // What ping_pong asks for and sends, bytes.
    private static readonly (int Response, int Request)[] Turns = [(31415, 27182), (9, 8), (2653, 1828), (58979, 45904)];

    private readonly Testing.TestService.TestServiceClient _client = new(invoker);

    /// <summary>A moment by which every call of a case has long ended.</summary>
    public static DateTime Late => DateTime.UtcNow + Patience;

    public async Task EmptyUnary() => Assert.Equal(new Empty(), await _client.EmptyCallAsync(new Empty(), deadline: Late));

    public async Task LargeUnary() => Assert.Equal(LargeResponseBytes, (await _client.UnaryCallAsync(LargeRequest(), deadline: Late)).Payload.Body.Length);

    public async Task ClientStreaming()
    {
        using var call = _client.StreamingInputCall(deadline: Late);
        foreach (var bytes in new[] { 27182, 8, 1828, 45904 })
            await call.RequestStream.WriteAsync(new StreamingInputCallRequest { Payload = Zeros(bytes) });
        await call.RequestStream.CompleteAsync();
        Assert.Equal(74922, (await call).AggregatedPayloadSize);
    }

    public async Task ServerStreaming()
    {
        int[] sizes = [31415, 9, 2653, 58979];
        var request = new StreamingOutputCallRequest { ResponseParameters = { sizes.Select(size => new ResponseParameters { Size = size }) } };
        using var call = _client.StreamingOutputCall(request, deadline: Late);
        Assert.Equal(sizes, await call.ResponseStream.ReadAllAsync().Select(response => response.Payload.Body.Length).ToListAsync());
    }

    public async Task PingPong()
    {
        using var call = _client.FullDuplexCall(deadline: Late);
        foreach (var (response, request) in Turns)
            await TurnAsync(call, response, request);
        await call.RequestStream.CompleteAsync();
        Assert.False(await call.ResponseStream.MoveNext());
    }

    public async Task EmptyStream()
    {
        using var call = _client.FullDuplexCall(deadline: Late);
        await call.RequestStream.CompleteAsync();
        Assert.False(await call.ResponseStream.MoveNext());
        Assert.Equal(StatusCode.OK, call.GetStatus().StatusCode);
    }

    public async Task CancelAfterBegin()
    {
        using var cancellation = new CancellationTokenSource();
        using var call = _client.StreamingInputCall(deadline: Late, cancellationToken: cancellation.Token);
        await cancellation.CancelAsync();
        await FailsAsync(StatusCode.Cancelled, () => call.ResponseAsync);
    }

    public async Task CancelAfterFirstResponse()
    {
        using var cancellation = new CancellationTokenSource();
        using var call = _client.FullDuplexCall(deadline: Late, cancellationToken: cancellation.Token);
        await TurnAsync(call, 31415, 27182);
        await cancellation.CancelAsync();
        await FailsAsync(StatusCode.Cancelled, () => call.ResponseStream.MoveNext());
    }

    public async Task TimeoutOnSleepingServer()
    {
        using var call = _client.FullDuplexCall(deadline: DateTime.UtcNow.AddMilliseconds(1));
        try
        {
            await call.RequestStream.WriteAsync(new StreamingOutputCallRequest { Payload = Zeros(27182) });
        }
        catch (RpcException late) when (late.StatusCode == StatusCode.DeadlineExceeded)
        {
            // It may pass before the request is written.
        }
        await FailsAsync(StatusCode.DeadlineExceeded, () => call.ResponseStream.MoveNext());
    }

    public Task StatusCodeAndMessage() => StatusComesBackAsync("test status message");

    public Task SpecialStatusMessage() => StatusComesBackAsync(SpecialMessage);

    public Task UnimplementedMethod() => FailsAsync(StatusCode.Unimplemented, async () => await _client.UnimplementedCallAsync(new Empty(), deadline: Late));

    public Task UnimplementedService() => FailsAsync(
        StatusCode.Unimplemented, async () => await new UnimplementedService.UnimplementedServiceClient(invoker).UnimplementedCallAsync(new Empty(), deadline: Late));

    public Task CustomMetadata() => MetadataComesBackAsync("test_initial_metadata_value", [0xab, 0xab, 0xab]);

    public const int LargeResponseBytes = 314_159;

    public const int LargeRequestBytes = 271_828;

    public static SimpleRequest LargeRequest() => new() { ResponseSize = LargeResponseBytes, Payload = Zeros(LargeRequestBytes) };

    public static Payload Zeros(int bytes) => new() { Body = ByteString.CopyFrom(new byte[bytes]) };

    public static async Task<RpcException> FailsAsync(StatusCode expected, Func<Task> call)
    {
        var e = await Assert.ThrowsAsync<RpcException>(call);
        Assert.True(e.StatusCode == expected, $"expected {expected}: {e.Status}");
        return e;
    }

    /// <summary>Metadata of both kinds, sent to a unary call and to a stream, comes back at the beginning and at the end.</summary>
    public async Task MetadataComesBackAsync(string text, params byte[][] trailing)
    {
        var sent = new Metadata { { "x-grpc-test-echo-initial", text } };
        foreach (var bytes in trailing)
            sent.Add("x-grpc-test-echo-trailing-bin", bytes);
        using var unary = _client.UnaryCallAsync(LargeRequest(), sent, Late);
        await unary;
        Check(await unary.ResponseHeadersAsync, unary.GetTrailers());
        using var duplex = _client.FullDuplexCall(sent, Late);
        await TurnAsync(duplex, LargeResponseBytes, LargeRequestBytes);
        await duplex.RequestStream.CompleteAsync();
        Assert.False(await duplex.ResponseStream.MoveNext());
        Check(await duplex.ResponseHeadersAsync, duplex.GetTrailers());

        void Check(Metadata initial, Metadata trailers)
        {
            Assert.Equal(text, initial.GetValue("x-grpc-test-echo-initial"));
            Assert.Equal(trailing, trailers.GetAll("x-grpc-test-echo-trailing-bin").Select(entry => entry.ValueBytes));
        }
    }

    private async Task StatusComesBackAsync(string message)
    {
        var asked = new EchoStatus { Code = (int)StatusCode.Unknown, Message = message };
        var expected = new Status(StatusCode.Unknown, message);
        var unary = await FailsAsync(StatusCode.Unknown, async () => await _client.UnaryCallAsync(new SimpleRequest { ResponseStatus = asked }, deadline: Late));
        Assert.Equal(expected, unary.Status);
        using var call = _client.FullDuplexCall(deadline: Late);
        await call.RequestStream.WriteAsync(new StreamingOutputCallRequest { ResponseStatus = asked });
        await call.RequestStream.CompleteAsync();
        var duplex = await FailsAsync(StatusCode.Unknown, () => call.ResponseStream.MoveNext());
        Assert.Equal(expected, duplex.Status);
    }

    private static async Task TurnAsync(AsyncDuplexStreamingCall<StreamingOutputCallRequest, StreamingOutputCallResponse> call, int response, int request)
    {
        await call.RequestStream.WriteAsync(
            new StreamingOutputCallRequest { ResponseParameters = { new ResponseParameters { Size = response } }, Payload = Zeros(request) });
        Assert.True(await call.ResponseStream.MoveNext());
        Assert.Equal(response, call.ResponseStream.Current.Payload.Body.Length);
    }
}
