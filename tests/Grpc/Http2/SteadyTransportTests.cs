using System.Buffers.Binary;
using System.Net;
using System.Net.Sockets;
using DistSgd.Grpc.Tests.Hostile;
using Grpc.Net.Client.Http2;
using Grpc.Net.Client.Transport;
using Grpc.Wire;

namespace DistSgd.Grpc.Tests.Http2;

/// <summary>What the transport allocates in steady state, with a real socket. The whole process is measured: the server here allocates nothing either.</summary>
[Collection(HostileCollection.Name)]
public sealed class SteadyTransportTests
{
    private const int Warmup = 2000;
    private const int Exchanges = 5000;

    /// <summary>
    /// Not 0: 18 to 34 bytes an exchange are seen, less than an object each time, and where they come from isn't known. An exchange that allocated its
    /// own state machine, task or exception would take more than 100 bytes.
    /// </summary>
    private const int BytesAnExchangeMax = 64;

    [Fact]
    public async Task UnaryCalls_InSteadyState_AllocateNothing()
    {
        using var server = new SteadyServer();
        using var transport = RawTransport.Create(server.Address, KeepAliveTimes.Default, TimeProvider.System);
        await CallAsync(transport, Warmup);
        var before = GC.GetTotalAllocatedBytes(precise: true);
        await CallAsync(transport, Exchanges);
        AssertNothing(GC.GetTotalAllocatedBytes(precise: true) - before);
    }

    [Theory]
    [InlineData(100)]
    [InlineData(4096)]
    [InlineData(100_000)]
    public async Task StreamExchanges_InSteadyState_AllocateNothing(int messageBytes)
    {
        using var server = new SteadyServer();
        using var transport = RawTransport.Create(server.Address, KeepAliveTimes.Default, TimeProvider.System);
        using var call = transport.Open(RawTransport.Head);
        var head = call.StartAsync(CancellationToken.None);
        var (sent, received) = (new byte[messageBytes], new byte[SteadyServer.AnswerBytes]);
        MessageFraming.WriteHeader(sent, messageBytes - MessageFraming.HeaderBytes);
        await call.WriteAsync(sent);
        await head;
        await ExchangeAsync(Warmup);
        var before = GC.GetTotalAllocatedBytes(precise: true);
        await ExchangeAsync(Exchanges);
        AssertNothing(GC.GetTotalAllocatedBytes(precise: true) - before);

        async Task ExchangeAsync(int times)
        {
            for (var i = 0; i < times; i++)
            {
                Check(await call.ReadAsync(received, received.Length) == received.Length);
                await call.WriteAsync(sent);
            }
        }
    }

    private static async Task CallAsync(Http2Transport transport, int times)
    {
        var received = new byte[SteadyServer.AnswerBytes];
        for (var i = 0; i < times; i++)
        {
            var call = transport.Open(RawTransport.Head);
            var buffer = MessagePool.Rent(100);
            MessageFraming.WriteHeader(buffer, 95);
            var head = await call.SendAsync(new FramedMessage(buffer, 100), CancellationToken.None);
            Check(head.HttpStatus == 200);
            Check(await call.ReadAsync(received, received.Length) == received.Length);
            Check(await call.ReadAsync(received, 1) == 0);
            Check(call.Trailers.Find("grpc-status") == "0");
            call.Dispose();
        }
    }

    /// <summary>An assertion that allocates nothing.</summary>
    private static void Check(bool isSo)
    {
        if (!isSo)
            Assert.Fail("The answer isn't the server's.");
    }

    private static void AssertNothing(long bytes) =>
        Assert.True(bytes <= Exchanges * (long)BytesAnExchangeMax, $"{bytes} bytes for {Exchanges} exchanges");

    /// <summary>
    /// A server of one connection on a thread of its own that allocates nothing: it answers each message, and ends each call whose request has ended.
    /// </summary>
    private sealed class SteadyServer : IDisposable
    {
        public const int AnswerBytes = 105;

        private readonly Socket _listener = new(SocketType.Stream, ProtocolType.Tcp);
        private readonly byte[] _buffer = new byte[1 << 20];
        private readonly byte[] _head = AnsweringPeer.Head(0);
        private readonly byte[] _message = Http2Frames.Data(0, Http2Frames.Message(new byte[AnswerBytes - 5]));
        private readonly byte[] _trailers = AnsweringPeer.Trailers(0);
        private readonly byte[] _update = Http2Frames.WindowUpdate(0, 1);
        private int _start;
        private int _end;

        public SteadyServer()
        {
            _listener.Bind(new IPEndPoint(IPAddress.Loopback, 0));
            _listener.Listen();
            Address = $"http://127.0.0.1:{((IPEndPoint)_listener.LocalEndPoint!).Port}";
            _ = Task.Factory.StartNew(Serve, CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default);
        }

        public string Address { get; }

        public void Dispose() => _listener.Dispose();

        private void Serve()
        {
            using var socket = _listener.Accept();
            socket.NoDelay = true;
            socket.Send(Http2Frames.Settings((Setting.InitialWindowSize, 1 << 20)));
            Fill(socket, Http2Frames.Preface.Length);
            _start += Http2Frames.Preface.Length;
            var (headed, left) = (0, 0);
            while (Fill(socket, Http2Frames.HeaderBytes))
            {
                var header = FrameHeader.Read(_buffer.AsSpan(_start));
                if (!Fill(socket, FrameHeader.Size + header.Bytes))
                    return;
                var payload = _buffer.AsSpan(_start + FrameHeader.Size, header.Bytes);
                _start += FrameHeader.Size + header.Bytes;
                if (header is not { Kind: FrameKind.Data, Bytes: > 0 })
                    continue;
                Widen(socket, 0, header.Bytes);
                if (!header.Has(FrameFlags.EndStream))
                    Widen(socket, header.StreamId, header.Bytes);
                if (headed != header.StreamId)
                    Send(socket, _head, headed = header.StreamId);
                if (left == 0)
                    left = MessageFraming.HeaderBytes + BinaryPrimitives.ReadInt32BigEndian(payload[1..]);
                left -= header.Bytes;
                if (left == 0)
                    Send(socket, _message, header.StreamId);
                if (header.Has(FrameFlags.EndStream))
                    Send(socket, _trailers, header.StreamId);
            }
        }

        private void Widen(Socket socket, int stream, int bytes)
        {
            BinaryPrimitives.WriteInt32BigEndian(_update.AsSpan(Http2Frames.HeaderBytes), bytes);
            Send(socket, _update, stream);
        }

        private static void Send(Socket socket, byte[] frames, int stream)
        {
            BinaryPrimitives.WriteInt32BigEndian(frames.AsSpan(5), stream);
            socket.Send(frames);
        }

        private bool Fill(Socket socket, int bytes)
        {
            if (_buffer.Length - _start < bytes)
            {
                _buffer.AsSpan(_start, _end - _start).CopyTo(_buffer);
                (_start, _end) = (0, _end - _start);
            }
            while (_end - _start < bytes)
            {
                var received = socket.Receive(_buffer, _end, _buffer.Length - _end, SocketFlags.None, out var error);
                if (received == 0 || error != SocketError.Success)
                    return false;
                _end += received;
            }
            return true;
        }
    }
}
