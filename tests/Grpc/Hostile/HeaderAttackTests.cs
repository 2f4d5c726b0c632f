namespace DistSgd.Grpc.Tests.Hostile;

/// <summary>Header blocks that are too large, too many, never end, or aren't what gRPC asks for.</summary>
[Collection(HostileCollection.Name)]
public sealed class HeaderAttackTests
{
    private const int BlockBytesMax = 16 * 1024;
    private const int Ending = Http2Frames.EndHeaders | Http2Frames.EndStream;

    [Fact]
    public Task Headers_TooMany_AreRefused() => HostileRun.AttackAsync(async (run, peer) =>
    {
        await peer.GreetAsync();
        await SendBlockAsync(peer, 1, Hpack.Call("Unary", [.. Enumerable.Range(0, 200).Select(i => ($"h{i}", "v"))]));
        await RefusedAsync(run, peer);
    });

    [Fact]
    public Task Header_Huge_IsRefused() => HostileRun.AttackAsync(async (run, peer) =>
    {
        await peer.GreetAsync();
        await SendBlockAsync(peer, 1, Hpack.Call("Unary", ("huge", new string('x', 100_000))));
        await RefusedAsync(run, peer);
    });

    [Fact]
    public Task Headers_TogetherTooLong_AreRefused() => HostileRun.AttackAsync(async (run, peer) =>
    {
        await peer.GreetAsync();
        await SendBlockAsync(peer, 1, Hpack.Call("Unary", [.. Enumerable.Range(0, 50).Select(i => ($"h{i}", new string('x', 1000)))]));
        await RefusedAsync(run, peer);
    });

    [Fact]
    public Task Continuations_WithoutEnd_AreRefused() => HostileRun.AttackAsync(async (run, peer) =>
    {
        await peer.GreetAsync();
        await peer.SendAsync(Http2Frames.Headers(1, Hpack.Call("Unary"), flags: 0));
        var more = Http2Frames.Make(FrameType.Continuation, 0, 1, Hpack.Literal("more", new string('x', 100)));
        await peer.TryFloodAsync(_ => more, 10_000);
        await RefusedAsync(run, peer);
    });

    [Fact]
    public Task Continuations_EmptyAndWithoutEnd_AreNoCall() => HostileRun.AttackAsync(async (run, peer) =>
    {
        await peer.GreetAsync();
        await peer.SendAsync(Http2Frames.Headers(1, Hpack.Call("Chat"), flags: 0));
        var hundred = Enumerable.Repeat(Http2Frames.Make(FrameType.Continuation, 0, 1, []), 100).SelectMany(frame => frame).ToArray();
        await peer.TryFloodAsync(_ => hundred, 100);
        await run.HealthyCallAsync();
        Assert.Equal(0, run.Calls.Live);
    });

    [Fact]
    public Task Hpack_TableLargerThanAllowed_IsACompressionError() => EndsWithAsync(Http2Error.Compression, [.. Hpack.TableSize(1 << 20), .. Hpack.Call("Unary")]);

    [Fact]
    public Task Hpack_IndexBeyondTheTable_IsACompressionError() => EndsWithAsync(Http2Error.Compression, [.. Hpack.Call("Unary"), .. Hpack.Indexed(5000)]);

    [Fact]
    public Task Hpack_IndexOfZero_EndsTheConnection() => EndsWithAsync(Http2Error.Internal, Hpack.Indexed(0));

    [Fact]
    public Task Hpack_StringLongerThanItsBlock_EndsTheConnection() => EndsWithAsync(Http2Error.Compression, [0, 0x7f, 0xff, 0xff, 0xff, 0xff, 0x0f]);

    [Fact]
    public Task Hpack_OneLargeEntryNamedOften_IsRefused() => HostileRun.AttackAsync(async (run, peer) =>
    {
        const int firstOfTable = 62;
        const int entryBytes = 3900;
        await peer.GreetAsync();
        await peer.SendAsync(Http2Frames.Headers(
            1, [.. Hpack.Call("Unary"), .. Hpack.Literal("bomb", new string('x', entryBytes), isIndexed: true)], Ending));
        await SendBlockAsync(peer, 3, [.. Hpack.Call("Unary"), .. Enumerable.Repeat(Hpack.Indexed(firstOfTable), 10_000).SelectMany(bytes => bytes)]);
        await RefusedAsync(run, peer, stream: 3);
    });

    [Theory]
    [InlineData("no-slash")]
    [InlineData("")]
    [InlineData("/a\0b")]
    [InlineData("/a b")]
    [InlineData("http://elsewhere/")]
    public Task Path_NoPath_IsNoCall(string path) => HostileRun.AttackAsync(async (run, peer) =>
    {
        await peer.GreetAsync();
        await peer.SendAsync(Http2Frames.Headers(1, Replace(":path", path), Ending));
        await RefusedAsync(run, peer);
    });

    [Theory]
    [InlineData("/")]
    [InlineData("/distsgd.tests.v1.Echo")]
    [InlineData("/distsgd.tests.v1.Echo/Unary/more")]
    [InlineData("/../../etc/passwd")]
    [InlineData("/distsgd.tests.v1.Echo/..%2fUnary")]
    public Task Path_OfNoMethod_IsAnsweredAndTheConnectionServesOn(string path) => HostileRun.AttackAsync(async (_, peer) =>
    {
        await peer.GreetAsync();
        await peer.SendAsync(Http2Frames.Headers(1, Replace(":path", path), Ending));
        var heard = await HearStreamAsync(peer, 1);
        Assert.False(heard.Has(1, "grpc-status", "0"), heard.ToString());
        Assert.False((await peer.PingAsync()).HasEnded);
    });

    [Fact]
    public Task ContentType_NotGrpc_IsAnsweredAndTheConnectionServesOn() => HostileRun.AttackAsync(async (_, peer) =>
    {
        await peer.GreetAsync();
        await peer.SendAsync(Http2Frames.Headers(1, Replace("content-type", "application/json"), Ending));
        var heard = await HearStreamAsync(peer, 1);
        Assert.Contains("415", heard.Blocks(1), StringComparison.Ordinal);
        await ServesAsync(peer, 3);
    });

    [Fact]
    public Task Te_Missing_IsServedAllTheSame() => HostileRun.AttackAsync(async (_, peer) =>
    {
        await peer.GreetAsync();
        await peer.SendAsync(Http2Frames.Headers(1, Replace("te", null)), Http2Frames.Data(1, Http2Frames.Message([]), Http2Frames.EndStream));
        var heard = await HearStreamAsync(peer, 1);
        Assert.True(heard.Has(1, "grpc-status", "0"), heard.ToString());
    });

    [Fact]
    public Task PseudoHeaders_Missing_ResetTheStream() => HostileRun.AttackAsync(async (_, peer) =>
    {
        await peer.GreetAsync();
        await peer.SendAsync(Http2Frames.Headers(1, Hpack.Block((":method", "POST")), Ending));
        var heard = await HearStreamAsync(peer, 1);
        Assert.True(heard.ResetOf(1) == Http2Error.Protocol, heard.ToString());
        await ServesAsync(peer, 3);
    });

    /// <summary>The head of a call with one header's value replaced, or the header left out.</summary>
    private static byte[] Replace(string name, string? value)
    {
        (string Name, string Value)[] head =
        [
            (":method", "POST"), (":scheme", "http"), (":path", "/distsgd.tests.v1.Echo/Unary"), (":authority", "test"),
            ("content-type", "application/grpc"), ("te", "trailers"),
        ];
        return Hpack.Block([.. head.Where(header => header.Name != name || value is not null).Select(header => header.Name == name ? (name, value!) : header)]);
    }

    private static async Task SendBlockAsync(RawPeer peer, int stream, byte[] block)
    {
        for (var sent = 0; sent < block.Length; sent += BlockBytesMax)
        {
            var part = block[sent..Math.Min(sent + BlockBytesMax, block.Length)];
            var flags = sent + part.Length == block.Length ? Http2Frames.EndHeaders : 0;
            var frame = sent == 0
                ? Http2Frames.Headers(stream, part, flags | Http2Frames.EndStream)
                : Http2Frames.Make(FrameType.Continuation, flags, stream, part);
            if (!await peer.TryFloodAsync(_ => frame, 1))
                return;
        }
    }

    /// <summary>The call must not reach the service: its connection ends, or its stream does, with a reset or a status of HTTP's.</summary>
    private static async Task RefusedAsync(HostileRun run, RawPeer peer, int stream = 1)
    {
        var heard = await HearStreamAsync(peer, stream);
        Assert.False(heard.Has(stream, "grpc-status", "0"), heard.ToString());
        await run.Calls.WhenAsync(live => live == 0, "calls");
    }

    private static async Task ServesAsync(RawPeer peer, int stream)
    {
        await peer.SendAsync(
            Http2Frames.Headers(stream, Hpack.Call("Unary")), Http2Frames.Data(stream, Http2Frames.Message([]), Http2Frames.EndStream));
        var heard = await HearStreamAsync(peer, stream);
        Assert.True(heard.Has(stream, "grpc-status", "0"), heard.ToString());
    }

    private static Task<Heard> HearStreamAsync(RawPeer peer, int stream) => peer.HearAsync(frame =>
        frame.Stream == stream && (frame.Type == FrameType.ResetStream || frame.Type is FrameType.Headers or FrameType.Data && (frame.Flags & Http2Frames.EndStream) != 0));

    private static Task EndsWithAsync(Http2Error error, byte[] block) => HostileRun.AttackAsync(async (run, peer) =>
    {
        await peer.GreetAsync();
        await peer.SendAsync(Http2Frames.Headers(1, block, Ending));
        var heard = await peer.HearToEndAsync();
        Assert.True(heard.GoneBecause == error, $"expected {error}, heard {heard}");
        Assert.Equal(0, run.Calls.Live);
    });
}
