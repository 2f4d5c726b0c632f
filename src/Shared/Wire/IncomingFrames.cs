using System.Buffers;
using System.Collections.Concurrent;
using Grpc.Core;

namespace DistSgd.Shared.Wire;

/// <summary>What a frame of a client is.</summary>
public enum ClientFrameKind
{
    /// <summary>None that this version knows.</summary>
    Unknown,

    /// <summary>A hello.</summary>
    Hello,

    /// <summary>An exchange.</summary>
    Exchange,
}

/// <summary>Hello of <c>parameters.proto</c>.</summary>
/// <param name="Job">The job's name.</param>
/// <param name="Version">Version of the contract that the client speaks.</param>
/// <param name="Client">Which client.</param>
/// <param name="Wanted">What it would like to have under way.</param>
public readonly record struct HelloFrame(string Job, uint Version, ulong Client, StreamCredit Wanted);

/// <summary>
/// ClientFrames of <c>parameters.proto</c> as a server has received it: copied once, from the transport's buffers into an array of its own,
/// in which frames are read where they lie. From a pool; <see cref="Dispose"/> gives it back.
/// </summary>
public sealed class IncomingFrames : IDisposable
{
    // Kept for reuse at most; a stream needs one at a time.
    private const int KeptMax = 64;
    private const int KeptBytesMax = 1 << 20;

    private static readonly ConcurrentQueue<IncomingFrames> Kept = new();

    private byte[] _message = [];
    private int _position;

    private IncomingFrames()
    {
    }

    /// <summary>Bytes of the message.</summary>
    public int Length { get; private set; }

    /// <summary>The message.</summary>
    public ReadOnlySpan<byte> Message => _message.AsSpan(0, Length);

    /// <summary>Takes a message over; it isn't looked at yet.</summary>
    /// <param name="context">Where from.</param>
    public static IncomingFrames Deserialize(DeserializationContext context)
    {
        if (!Kept.TryDequeue(out IncomingFrames? frames))
            frames = new IncomingFrames();
        ReadOnlySequence<byte> payload = context.PayloadAsReadOnlySequence();
        frames.Length = (int)payload.Length;
        frames._position = 0;
        if (frames._message.Length < frames.Length)
            frames._message = GC.AllocateUninitializedArray<byte>((int)Math.Min(Array.MaxLength, System.Numerics.BitOperations.RoundUpToPowerOf2((uint)frames.Length)));
        payload.CopyTo(frames._message);
        return frames;
    }

    /// <summary>Finds the next frame; false at the end.</summary>
    /// <param name="kind">What it is.</param>
    /// <param name="place">Where the hello or exchange in it lies.</param>
    /// <exception cref="InvalidDataException">The message is malformed; nothing after this place can be read.</exception>
    public bool TryNext(out ClientFrameKind kind, out WirePart place)
    {
        (kind, place) = (ClientFrameKind.Unknown, default);
        var reader = new WireReader(Message) { Position = _position };
        // Should it throw, there is nothing more to be found.
        _position = Length;
        while (reader.TryField(Length, out int number, out int wireType))
        {
            if ((number, wireType) != (1, 2))
            {
                reader.Skip(wireType);
                continue;
            }
            int end = reader.End();
            _position = end;
            while (reader.TryField(end, out number, out wireType))
            {
                if (number is 1 or 2 && wireType == 2)
                    (kind, place) = (number == 1 ? ClientFrameKind.Hello : ClientFrameKind.Exchange, reader.Bytes());
                else
                    reader.Skip(wireType);
            }
            return true;
        }
        return false;
    }

    /// <summary>Reads a hello.</summary>
    /// <param name="place">Where it lies.</param>
    /// <exception cref="InvalidDataException">It is malformed.</exception>
    public HelloFrame ReadHello(WirePart place)
    {
        var hello = new HelloFrame("", 0, 0, default);
        var reader = new WireReader(Message) { Position = place.Start };
        while (reader.TryField(place.End, out int number, out int wireType))
        {
            switch (number, wireType)
            {
                case (1, 2):
                    hello = hello with { Job = ExchangeFrame.JobName(ref reader) };
                    break;
                case (2, 0):
                    hello = hello with { Version = (uint)Math.Min(reader.Varint(), uint.MaxValue) };
                    break;
                case (3, 1):
                    hello = hello with { Client = reader.Fixed64() };
                    break;
                case (4, 2):
                    hello = hello with { Wanted = StreamCredit.Read(ref reader, reader.End()) };
                    break;
                default:
                    reader.Skip(wireType);
                    break;
            }
        }
        return hello;
    }

    /// <summary>Gives it back.</summary>
    public void Dispose()
    {
        Length = 0;
        if (_message.Length <= KeptBytesMax && Kept.Count < KeptMax)
            Kept.Enqueue(this);
    }
}
