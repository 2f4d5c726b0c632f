using DistSgd.Interop.Tests.Testing;
using Grpc.Core;

namespace DistSgd.Interop.Tests;

/// <summary>The interop test cases about compressed messages, on our client, whose channel compresses with <see cref="CountingGzip"/>.</summary>
/// <param name="invoker">The channel's.</param>
/// <param name="serverTells">Whether the server knows which of its requests came compressed, and refuses those that didn't as they should.</param>
internal sealed class CompressionCases(CallInvoker invoker, bool serverTells)
{
    private static readonly BoolValue Yes = new() { Value = true };

    private static readonly BoolValue No = new() { Value = false };

    private readonly Testing.TestService.TestServiceClient _client = new(invoker);

    private static Metadata Gzip => new() { { "grpc-internal-encoding-request", "gzip" } };

    public async Task ClientCompressedUnary()
    {
        var compressed = Cases.LargeRequest();
        var plain = Cases.LargeRequest();
        if (serverTells)
        {
            compressed.ExpectCompressed = Yes;
            plain.ExpectCompressed = No;
            await Cases.FailsAsync(StatusCode.InvalidArgument, async () => await _client.UnaryCallAsync(compressed, deadline: Cases.Late));
        }
        var counts = CountingGzip.Begin();
        Assert.Equal(Cases.LargeResponseBytes, (await _client.UnaryCallAsync(compressed, Gzip, Cases.Late)).Payload.Body.Length);
        Assert.Equal(1, counts.Compressed);
        Assert.Equal(Cases.LargeResponseBytes, (await _client.UnaryCallAsync(plain, deadline: Cases.Late)).Payload.Body.Length);
        Assert.Equal(1, counts.Compressed);
    }

    public async Task ServerCompressedUnary()
    {
        foreach (var asked in new[] { Yes, No })
        {
            var request = Cases.LargeRequest();
            request.ResponseCompressed = asked;
            var counts = CountingGzip.Begin();
            Assert.Equal(Cases.LargeResponseBytes, (await _client.UnaryCallAsync(request, deadline: Cases.Late)).Payload.Body.Length);
            Assert.Equal(asked.Value ? 1 : 0, counts.Decompressed);
        }
    }

    public async Task ClientCompressedStreaming()
    {
        if (serverTells)
        {
            using var probe = _client.StreamingInputCall(deadline: Cases.Late);
            // The refusal may come while the message is being written: then the writing says it.
            await Cases.FailsAsync(StatusCode.InvalidArgument, async () =>
            {
                await probe.RequestStream.WriteAsync(new StreamingInputCallRequest { Payload = Cases.Zeros(27182), ExpectCompressed = Yes });
                await probe.ResponseAsync;
            });
        }
        var counts = CountingGzip.Begin();
        using var call = _client.StreamingInputCall(Gzip, Cases.Late);
        await call.RequestStream.WriteAsync(new StreamingInputCallRequest { Payload = Cases.Zeros(27182), ExpectCompressed = serverTells ? Yes : null });
        call.RequestStream.WriteOptions = new WriteOptions(WriteFlags.NoCompress);
        await call.RequestStream.WriteAsync(new StreamingInputCallRequest { Payload = Cases.Zeros(45904), ExpectCompressed = serverTells ? No : null });
        await call.RequestStream.CompleteAsync();
        Assert.Equal(73086, (await call).AggregatedPayloadSize);
        Assert.Equal(1, counts.Compressed);
    }

    public async Task ServerCompressedStreaming()
    {
        var request = new StreamingOutputCallRequest
        {
            ResponseParameters = { new ResponseParameters { Size = 31415, Compressed = Yes }, new ResponseParameters { Size = 92653, Compressed = No } },
        };
        var counts = CountingGzip.Begin();
        using var call = _client.StreamingOutputCall(request, deadline: Cases.Late);
        foreach (var asked in request.ResponseParameters)
        {
            Assert.True(await call.ResponseStream.MoveNext());
            Assert.Equal(asked.Size, call.ResponseStream.Current.Payload.Body.Length);
            Assert.Equal(1, counts.Decompressed);
        }
        Assert.False(await call.ResponseStream.MoveNext());
    }
}
