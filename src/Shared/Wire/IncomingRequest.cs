using System.Buffers;
using System.Runtime.InteropServices;
using DistSgd.Shared.Exchange;
using Grpc.Core;

namespace DistSgd.Shared.Wire;

/// <summary>
/// PushRequest, PullRequest or PushPullRequest of <c>parameters.proto</c> as it arrived: copied once, from the transport's buffers into
/// memory in which keys and values are used where they lie. <see cref="Dispose"/> gives it back.
/// </summary>
public sealed class IncomingRequest : IDisposable
{
    private MessageMemory<byte>? _message;
    private ExchangeFrame _frame;

    /// <summary>The job's name.</summary>
    public string Job => _frame.Job;

    /// <summary>The shard's number.</summary>
    public uint Shard => _frame.Shard;

    /// <summary>True if it holds a push.</summary>
    public bool HasPush => _frame.HasPush;

    /// <summary>Name, kind, step of the push.</summary>
    public PushHeader Push => _frame.Push;

    /// <summary>Values of the push.</summary>
    public ReadOnlySpan<float> Values => MemoryMarshal.Cast<byte, float>(Message.Slice(_frame.Values.Start, _frame.Values.Length));

    /// <summary>True if it holds a pull.</summary>
    public bool HasPull => _frame.HasPull;

    /// <summary>Which floats are pulled.</summary>
    public PullPart Part => _frame.Part;

    /// <summary>Keys of the push.</summary>
    public WireKeys PushKeys => _frame.PushKeys;

    /// <summary>Keys of the pull.</summary>
    public WireKeys PullKeys => _frame.PullKeys;

    /// <summary>The bytes that the parts refer to.</summary>
    public ReadOnlySpan<byte> Message => _message is null ? [] : _message.Span;

    /// <summary>Reads a message.</summary>
    /// <param name="context">Where from.</param>
    /// <exception cref="RpcException">INVALID_ARGUMENT: the message is malformed; the text says how.</exception>
    public static IncomingRequest Deserialize(DeserializationContext context)
    {
        var request = new IncomingRequest();
        try
        {
            ReadOnlySequence<byte> payload = context.PayloadAsReadOnlySequence();
            request._message = new MessageMemory<byte>((int)payload.Length);
            payload.CopyTo(request._message.Span);
            request._frame = ExchangeFrame.ReadRequest(request.Message);
            return request;
        }
        catch (InvalidDataException problem)
        {
            request.Dispose();
            throw new RpcException(new Status(StatusCode.InvalidArgument, $"Malformed request: {problem.Message}."));
        }
    }

    /// <summary>Gives the memory back. Keys and values must not be used after.</summary>
    public void Dispose()
    {
        _message?.Dispose();
        _message = null;
        _frame = default;
    }
}
