using System.Buffers.Binary;
using System.Net;
using System.Net.Sockets;

namespace DistSgd.Bench.Wire;

/// <summary>
/// The limit: asynchronous sockets with the same framing (one byte, four bytes of length, payload) and nothing else.
/// Operation 0 takes a payload and answers an empty frame; 1 gives as many bytes as asked; 2 gives the payload back.
/// </summary>
internal static class RawSockets
{
    public const byte Push = 0;
    public const byte Pull = 1;
    public const byte Ping = 2;

    private const int HeaderBytes = 5;

    public static Socket Listen()
    {
        var listener = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        listener.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        listener.Listen();
        return listener;
    }

    /// <summary>Serves connections until the listener closes.</summary>
    public static async Task ServeAsync(Socket listener)
    {
        try
        {
            while (true)
                _ = ServeAsync(await listener.AcceptAsync(), new byte[HeaderBytes + BlockStore.FloatsMax * sizeof(float)]);
        }
        catch (SocketException)
        {
            // The listener was closed: the benchmark is over.
        }
        catch (ObjectDisposedException)
        {
            // The same.
        }
    }

    public static async Task<Socket> ConnectAsync(int port)
    {
        var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        await socket.ConnectAsync(IPAddress.Loopback, port);
        return socket;
    }

    public static async ValueTask SendFrameAsync(Socket socket, byte operation, Memory<byte> buffer, int payloadBytes)
    {
        buffer.Span[0] = operation;
        BinaryPrimitives.WriteInt32BigEndian(buffer.Span[1..], payloadBytes);
        var rest = buffer[..(HeaderBytes + payloadBytes)];
        while (!rest.IsEmpty)
            rest = rest[await socket.SendAsync(rest, SocketFlags.None)..];
    }

    /// <summary>Reads a frame; the payload's length, or −1 at the end.</summary>
    public static async ValueTask<int> ReceiveFrameAsync(Socket socket, Memory<byte> buffer)
    {
        if (!await ReceiveAsync(socket, buffer[..HeaderBytes]))
            return -1;
        var payloadBytes = BinaryPrimitives.ReadInt32BigEndian(buffer.Span[1..]);
        return await ReceiveAsync(socket, buffer.Slice(HeaderBytes, payloadBytes)) ? payloadBytes : -1;
    }

    private static async Task ServeAsync(Socket accepted, Memory<byte> buffer)
    {
        using var socket = accepted;
        socket.NoDelay = true;
        while (true)
        {
            var payloadBytes = await ReceiveFrameAsync(socket, buffer);
            if (payloadBytes < 0)
                return;
            var operation = buffer.Span[0];
            var answerBytes = operation switch
            {
                Push => 0,
                Pull => BinaryPrimitives.ReadInt32BigEndian(buffer.Span[HeaderBytes..]),
                _ => payloadBytes,
            };
            await SendFrameAsync(socket, operation, buffer, answerBytes);
        }
    }

    private static async ValueTask<bool> ReceiveAsync(Socket socket, Memory<byte> destination)
    {
        while (!destination.IsEmpty)
        {
            var received = await socket.ReceiveAsync(destination, SocketFlags.None);
            if (received == 0)
                return false;
            destination = destination[received..];
        }
        return true;
    }
}
