namespace DistSgd.Grpc.Tests.Hostile;

/// <summary>A server's good behaviour, frame by frame.</summary>
internal static class AnsweringPeer
{
    /// <summary>The head of a response.</summary>
    public static byte[] Head(int stream) =>
        Http2Frames.Headers(stream, Hpack.Block((":status", "200"), ("content-type", "application/grpc")), Http2Frames.EndHeaders);

    /// <summary>Trailers with status OK.</summary>
    public static byte[] Trailers(int stream) =>
        Http2Frames.Headers(stream, Hpack.Block(("grpc-status", "0")), Http2Frames.EndHeaders | Http2Frames.EndStream);

    /// <summary>A whole response of one empty message.</summary>
    public static byte[] Response(int stream) => [.. Head(stream), .. Http2Frames.Data(stream, Http2Frames.Message([])), .. Trailers(stream)];

    /// <summary>Welcomes, and waits for the first call; its stream.</summary>
    public static async Task<int> WelcomeCallAsync(this RawPeer peer, params (Setting Id, uint Value)[] settings)
    {
        await peer.WelcomeAsync(settings);
        return await peer.HearCallAsync();
    }

    /// <summary>Waits for the next call; its stream, or 0 at the end of the connection.</summary>
    public static async Task<int> HearCallAsync(this RawPeer peer) =>
        await peer.HearAsync(frame => frame.Type == FrameType.Headers) is { HasEnded: false, Frames: [.., var head] } ? head.Stream : 0;

    /// <summary>Answers every call until the client leaves.</summary>
    public static async Task AnswerAllAsync(this RawPeer peer)
    {
        for (int stream; (stream = await peer.HearCallAsync()) != 0;)
            await peer.SendAsync(Response(stream));
    }

    /// <summary>Welcomes and answers every call.</summary>
    public static async Task ServeAsync(this RawPeer peer)
    {
        await peer.WelcomeAsync();
        await peer.AnswerAllAsync();
    }
}
