using System.Net;
using System.Net.Sockets;
using System.Text;

namespace DistSgd.Grpc.Tests.Hostile;

/// <summary>One end of a connection that sends whatever bytes a test likes. Reads nothing by itself. One reader and one writer at a time.</summary>
internal sealed class RawPeer(Socket socket) : IDisposable
{
    public static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    private readonly NetworkStream _stream = new(socket, ownsSocket: true);

    public static async Task<RawPeer> ConnectAsync(string address)
    {
        var socket = new Socket(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        var uri = new Uri(address);
        await socket.ConnectAsync(IPAddress.Parse(uri.Host), uri.Port).WaitAsync(Patience);
        return new RawPeer(socket);
    }

    public async Task SendAsync(params byte[][] frames)
    {
        foreach (var frame in frames)
            await _stream.WriteAsync(frame).AsTask().WaitAsync(Patience);
    }

    /// <summary>Begins as a client; the server is asked to keep no header table, so that its header blocks can be read one by one.</summary>
    public Task GreetAsync(params (Setting Id, uint Value)[] settings) =>
        SendAsync(Http2Frames.Preface, Http2Frames.Settings([(Setting.HeaderTableSize, 0), .. settings]));

    /// <summary>Begins as a server.</summary>
    public async Task WelcomeAsync(params (Setting Id, uint Value)[] settings)
    {
        await SkipPrefaceAsync();
        await SendAsync(Http2Frames.Settings(settings));
    }

    /// <summary>Reads what a client says before its first frame.</summary>
    public async Task SkipPrefaceAsync() => await _stream.ReadExactlyAsync(new byte[Http2Frames.Preface.Length]).AsTask().WaitAsync(Patience);

    /// <summary>Sends the bytes again and again; false where the other side ended the connection before the last time.</summary>
    public async Task<bool> TryFloodAsync(Func<int, byte[]> frames, int times)
    {
        try
        {
            for (var i = 0; i < times; i++)
                await _stream.WriteAsync(frames(i)).AsTask().WaitAsync(Patience);
            return true;
        }
        catch (Exception e) when (e is IOException or ObjectDisposedException)
        {
            return false;
        }
    }

    /// <summary>Sends a ping and hears everything up to its answer, or to the connection's end: what was sent before has been worked on then.</summary>
    public async Task<Heard> PingAsync(long mark = 1)
    {
        var isSent = await TryFloodAsync(_ => Http2Frames.Ping(mark), 1);
        return await HearAsync(frame => isSent && frame is { Type: FrameType.Ping, IsAck: true } && frame.Payload.AsSpan().SequenceEqual(Http2Frames.Ping(mark).AsSpan(Http2Frames.HeaderBytes)));
    }

    public Task<Heard> HearToEndAsync() => HearAsync(_ => false);

    /// <summary>Hears everything up to the first frame that is wanted, or to the connection's end.</summary>
    public async Task<Heard> HearAsync(Predicate<Frame> isWanted)
    {
        var frames = new List<Frame>();
        while (await ReadAsync() is { } frame)
        {
            frames.Add(frame);
            if (isWanted(frame))
                return new Heard(frames, HasEnded: false);
        }
        return new Heard(frames, HasEnded: true);
    }

    /// <summary>The bytes up to the connection's end, as text.</summary>
    public async Task<string> ReadTextAsync()
    {
        using var all = new MemoryStream();
        try
        {
            await _stream.CopyToAsync(all).WaitAsync(Patience);
        }
        catch (IOException)
        {
            // A reset ends the connection as well.
        }
        return Encoding.Latin1.GetString(all.ToArray());
    }

    public void Dispose() => _stream.Dispose();

    private async Task<Frame?> ReadAsync()
    {
        var header = new byte[Http2Frames.HeaderBytes];
        try
        {
            await _stream.ReadExactlyAsync(header).AsTask().WaitAsync(Patience);
            var payload = new byte[header[0] << 16 | header[1] << 8 | header[2]];
            await _stream.ReadExactlyAsync(payload).AsTask().WaitAsync(Patience);
            return new Frame((FrameType)header[3], header[4], (header[5] & 127) << 24 | header[6] << 16 | header[7] << 8 | header[8], payload);
        }
        catch (IOException)
        {
            return null; // The end, or a reset.
        }
    }
}

/// <summary>What came from the other side.</summary>
internal sealed record Heard(IReadOnlyList<Frame> Frames, bool HasEnded)
{
    /// <summary>Why the other side ended the connection, as it says in its last GOAWAY; null where it said nothing.</summary>
    public Http2Error? GoneBecause => Frames.Where(frame => frame.Type == FrameType.GoAway).Select(frame => (Http2Error?)frame.Error).LastOrDefault();

    public Http2Error? ResetOf(int stream) =>
        Frames.Where(frame => frame.Type == FrameType.ResetStream && frame.Stream == stream).Select(frame => (Http2Error?)frame.Error).FirstOrDefault();

    /// <summary>Whether the stream's headers or trailers have this header. Their blocks are literals, so that a name and its value stand there with their lengths.</summary>
    public bool Has(int stream, string name, string value) => Blocks(stream).Contains($"{name}{(char)value.Length}{value}", StringComparison.Ordinal);

    public string Blocks(int stream) => string.Concat(
        Frames.Where(frame => frame.Type == FrameType.Headers && frame.Stream == stream).Select(frame => Encoding.Latin1.GetString(frame.Payload)));

    public override string ToString() =>
        $"{(HasEnded ? "ended" : "open")}: {string.Join(", ", Frames.TakeLast(20).Select(frame => $"{frame.Type}/{frame.Stream} {(frame.Type is FrameType.GoAway or FrameType.ResetStream ? frame.Error : "")} {(frame.Type == FrameType.Headers ? Encoding.Latin1.GetString(frame.Payload) : "")}"))}";
}
