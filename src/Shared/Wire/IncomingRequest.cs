using System.Buffers;
using DistSgd.Shared.Exchange;
using Grpc.Core;

namespace DistSgd.Shared.Wire;

/// <summary>Keys of a request as they arrived, relative to the shard's first key.</summary>
/// <param name="First">First key of a range.</param>
/// <param name="Count">Number of keys.</param>
/// <param name="List">Rented; the first Count elements are the keys. Null for a range.</param>
public readonly record struct IncomingKeys(long First, int Count, uint[]? List);

/// <summary>
/// PushRequest, PullRequest or PushPullRequest of <c>parameters.proto</c> as it arrived; the three share field numbers. Keys and values
/// were copied once, from the transport's buffers into rented arrays, which <see cref="Dispose"/> gives back.
/// </summary>
public sealed class IncomingRequest : IDisposable
{
    /// <summary>Most bytes of a job's name.</summary>
    public const int JobNameCharsMax = 256;

    private float[]? _values;
    private IncomingKeys _pushKeys;
    private IncomingKeys _pullKeys;
    private int _valueCount;

    /// <summary>The job's name.</summary>
    public string Job { get; private set; } = "";

    /// <summary>The shard's number.</summary>
    public uint Shard { get; private set; }

    /// <summary>True if it holds a push.</summary>
    public bool HasPush { get; private set; }

    /// <summary>Name, kind, step of the push.</summary>
    public PushHeader Push { get; private set; }

    /// <summary>Keys of the push.</summary>
    public IncomingKeys PushKeys => _pushKeys;

    /// <summary>Values of the push.</summary>
    public ReadOnlySpan<float> Values => _values.AsSpan(0, _valueCount);

    /// <summary>True if it holds a pull.</summary>
    public bool HasPull { get; private set; }

    /// <summary>Keys of the pull.</summary>
    public IncomingKeys PullKeys => _pullKeys;

    /// <summary>Which floats are pulled.</summary>
    public PullPart Part { get; private set; }

    /// <summary>Reads a message.</summary>
    /// <param name="context">Where from.</param>
    /// <exception cref="RpcException">INVALID_ARGUMENT: the message is malformed; the text says how.</exception>
    public static IncomingRequest Deserialize(DeserializationContext context)
    {
        var request = new IncomingRequest();
        try
        {
            ReadOnlySequence<byte> payload = context.PayloadAsReadOnlySequence();
            request.Read(new WireReader(payload), payload.Length);
            return request;
        }
        catch (InvalidDataException problem)
        {
            request.Dispose();
            throw new RpcException(new Status(StatusCode.InvalidArgument, $"Malformed request: {problem.Message}."));
        }
    }

    /// <summary>Gives the arrays back. Keys and values must not be used after.</summary>
    public void Dispose()
    {
        Return(ref _pushKeys);
        Return(ref _pullKeys);
        if (_values is not null)
            ArrayPool<float>.Shared.Return(_values);
        _values = null;
        _valueCount = 0;
    }

    private static void Return(ref IncomingKeys keys)
    {
        if (keys.List is not null)
            ArrayPool<uint>.Shared.Return(keys.List);
        keys = default;
    }

    private void Read(WireReader reader, long end)
    {
        while (reader.TryField(end, out int number, out int wireType))
        {
            switch (number, wireType)
            {
                case (1, 2):
                    Job = reader.Text();
                    if (Job.Length > JobNameCharsMax)
                        throw new InvalidDataException($"the job's name is longer than {JobNameCharsMax} characters");
                    break;
                case (2, 0):
                    Shard = (uint)Math.Min(reader.Varint(), uint.MaxValue);
                    break;
                case (3, 2):
                    ReadPush(ref reader, reader.End());
                    break;
                case (4, 2):
                    ReadPull(ref reader, reader.End());
                    break;
                default:
                    reader.Skip(wireType);
                    break;
            }
        }
    }

    private void ReadPush(ref WireReader reader, long end)
    {
        HasPush = true;
        (PushName name, ulong kind, ulong step, double rateSum, ulong readVersion) = (default, 0, 0, 0, 0);
        while (reader.TryField(end, out int number, out int wireType))
        {
            switch (number, wireType)
            {
                case (1, 2):
                    name = ReadName(ref reader, reader.End());
                    break;
                case (2, 0):
                    kind = reader.Varint();
                    break;
                case (3, 0):
                    step = reader.Varint();
                    break;
                case (4, 1):
                    rateSum = reader.Double();
                    break;
                case (5, 0):
                    readVersion = reader.Varint();
                    break;
                case (6, 2):
                    ReadKeys(ref reader, reader.End(), ref _pushKeys);
                    break;
                case (7, 2):
                    ReadValues(ref reader);
                    break;
                default:
                    reader.Skip(wireType);
                    break;
            }
        }
        if (kind is not (1 or 2))
            throw new InvalidDataException($"the push's kind is {kind}; expected PUSH_KIND_GRADIENT (1) or PUSH_KIND_DELTA (2)");
        if (step > long.MaxValue || readVersion > long.MaxValue)
            throw new InvalidDataException("the push's step and read version must be below 2^63");
        Push = new PushHeader(name, (PushKind)(kind - 1), (long)step, rateSum, (long)readVersion);
    }

    private static PushName ReadName(ref WireReader reader, long end)
    {
        (ulong source, ulong sequence) = (0, 0);
        while (reader.TryField(end, out int number, out int wireType))
        {
            if ((number, wireType) == (1, 1))
                source = reader.Fixed64();
            else if ((number, wireType) == (2, 0))
                sequence = reader.Varint();
            else
                reader.Skip(wireType);
        }
        return new PushName(source, sequence);
    }

    private void ReadPull(ref WireReader reader, long end)
    {
        HasPull = true;
        while (reader.TryField(end, out int number, out int wireType))
        {
            switch (number, wireType)
            {
                case (1, 2):
                    ReadKeys(ref reader, reader.End(), ref _pullKeys);
                    break;
                case (2, 0):
                    ulong part = reader.Varint();
                    if (part > 2)
                        throw new InvalidDataException($"the pull's part is {part}; expected PULL_PART_VALUES (1) or PULL_PART_ENTRIES (2)");
                    Part = part == 2 ? PullPart.Entries : PullPart.Values;
                    break;
                default:
                    reader.Skip(wireType);
                    break;
            }
        }
    }

    private static void ReadKeys(ref WireReader reader, long end, ref IncomingKeys keys)
    {
        Return(ref keys);
        (ulong first, ulong count, uint[]? list, int listed) = (0, 0, null, 0);
        while (reader.TryField(end, out int number, out int wireType))
        {
            switch (number, wireType)
            {
                case (1, 0):
                    first = reader.Varint();
                    break;
                case (2, 0):
                    count = reader.Varint();
                    break;
                case (3, 2):
                    listed = reader.Elements("keys");
                    Return(ref keys);
                    list = ArrayPool<uint>.Shared.Rent(listed);
                    keys = new IncomingKeys(0, listed, list);
                    reader.Copy(list.AsSpan(0, listed));
                    break;
                default:
                    reader.Skip(wireType);
                    break;
            }
        }
        if (first > long.MaxValue || count > int.MaxValue)
            throw new InvalidDataException($"the keys begin at {first} and are {count}; a shard has at most {int.MaxValue} keys");
        if (listed > 0 && (ulong)listed != count)
            throw new InvalidDataException($"{count} keys are announced but {listed} are listed");
        if (listed == 0)
        {
            Return(ref keys);
            keys = new IncomingKeys((long)first, (int)count, null);
        }
    }

    private void ReadValues(ref WireReader reader)
    {
        int count = reader.Elements("values");
        if (_values is not null)
            ArrayPool<float>.Shared.Return(_values);
        _values = ArrayPool<float>.Shared.Rent(count);
        _valueCount = count;
        reader.Copy(_values.AsSpan(0, count));
    }
}
