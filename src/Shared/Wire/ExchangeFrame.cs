using DistSgd.Shared.Exchange;

namespace DistSgd.Shared.Wire;

/// <summary>Keys of a request, relative to the shard's first key, as they lie in the message.</summary>
/// <param name="First">First key of a range.</param>
/// <param name="Count">Number of keys.</param>
/// <param name="List">The bytes of a list; none for a range, and for a list that a stream keeps.</param>
/// <param name="IsCoded">True: <see cref="KeyCoding"/>. False: packed uint32.</param>
/// <param name="Set">The number under which a stream keeps the list; 0 for none.</param>
public readonly record struct WireKeys(long First, int Count, WirePart List, bool IsCoded, uint Set)
{
    /// <summary>True if the list comes with the message.</summary>
    public bool HasList => List.Length > 0;
}

/// <summary>
/// What PushRequest, PullRequest, PushPullRequest and StreamExchange of <c>parameters.proto</c> have in common, as it lies in a message:
/// the four share the numbers of their fields but for the first.
/// </summary>
public struct ExchangeFrame
{
    /// <summary>Most characters of a job's name.</summary>
    public const int JobNameCharsMax = 256;

    /// <summary>Most parts of a push.</summary>
    public const int PartsMax = 65_536;

    /// <summary>The job's name; empty on a stream.</summary>
    public string Job { get; private set; }

    /// <summary>The exchange's id on a stream; 0 elsewhere.</summary>
    public ulong Id { get; private set; }

    /// <summary>The shard's number.</summary>
    public uint Shard { get; private set; }

    /// <summary>True if it holds a push.</summary>
    public bool HasPush { get; private set; }

    /// <summary>Name, kind, step of the push.</summary>
    public PushHeader Push { get; private set; }

    /// <summary>Keys of the push.</summary>
    public WireKeys PushKeys { get; private set; }

    /// <summary>Values of the push: a multiple of 4 bytes.</summary>
    public WirePart Values { get; private set; }

    /// <summary>True if it holds a pull.</summary>
    public bool HasPull { get; private set; }

    /// <summary>Keys of the pull.</summary>
    public WireKeys PullKeys { get; private set; }

    /// <summary>Which floats are pulled.</summary>
    public PullPart Part { get; private set; }

    /// <summary>Milliseconds that a stream's exchange may wait for its turn; 0 for any time.</summary>
    public uint TimeoutMs { get; private set; }

    /// <summary>Reads a request of a call of its own.</summary>
    /// <param name="message">The message.</param>
    /// <exception cref="InvalidDataException">It is malformed; the text says how.</exception>
    public static ExchangeFrame ReadRequest(ReadOnlySpan<byte> message)
    {
        var frame = new ExchangeFrame { Job = "" };
        var reader = new WireReader(message);
        while (reader.TryField(message.Length, out int number, out int wireType))
        {
            if ((number, wireType) == (1, 2))
                frame.Job = JobName(ref reader);
            else
                frame.ReadField(ref reader, number, wireType);
        }
        return frame;
    }

    /// <summary>Reads an exchange of a stream; what was read before an error, the id above all, stays.</summary>
    /// <param name="message">The message that it lies in.</param>
    /// <param name="place">Where.</param>
    /// <exception cref="InvalidDataException">It is malformed; the text says how.</exception>
    public void ReadStreamed(ReadOnlySpan<byte> message, WirePart place)
    {
        Job = "";
        var reader = new WireReader(message) { Position = place.Start };
        while (reader.TryField(place.End, out int number, out int wireType))
        {
            if ((number, wireType) == (1, 0))
                Id = reader.Varint();
            else if ((number, wireType) == (5, 0))
                TimeoutMs = (uint)Math.Min(reader.Varint(), uint.MaxValue);
            else
                ReadField(ref reader, number, wireType);
        }
    }

    /// <summary>Reads a job's name.</summary>
    internal static string JobName(ref WireReader reader)
    {
        string name = reader.Text();
        return name.Length <= JobNameCharsMax ? name : throw new InvalidDataException($"the job's name is longer than {JobNameCharsMax} characters");
    }

    private void ReadField(ref WireReader reader, int number, int wireType)
    {
        switch (number, wireType)
        {
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

    private void ReadPush(ref WireReader reader, int end)
    {
        HasPush = true;
        (PushName name, ulong kind, ulong step, double rateSum, ulong readVersion, ulong part, ulong parts) = (default, 0, 0, 0, 0, 0, 0);
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
                    PushKeys = ReadKeys(ref reader, reader.End());
                    break;
                case (7, 2):
                    Values = reader.Elements("values");
                    break;
                case (8, 0):
                    part = reader.Varint();
                    break;
                case (9, 0):
                    parts = reader.Varint();
                    break;
                default:
                    reader.Skip(wireType);
                    break;
            }
        }
        if (kind is 0 or > 4)
            throw new InvalidDataException($"the push's kind is {kind}; expected PUSH_KIND_GRADIENT (1), PUSH_KIND_DELTA (2), PUSH_KIND_GRADIENT_AT_POINT (3) or PUSH_KIND_STATE (4)");
        if (step > long.MaxValue || readVersion > long.MaxValue)
            throw new InvalidDataException("the push's step and version must be below 2^63");
        if (parts > PartsMax || part > 0 && part >= parts)
            throw new InvalidDataException($"the push is part {part} of {parts}; parts are numbered from 0 and at most {PartsMax:N0}");
        Push = new PushHeader(name, (PushKind)(kind - 1), (long)step, rateSum, (long)readVersion) { Part = (int)part, Parts = (int)parts };
    }

    private static PushName ReadName(ref WireReader reader, int end)
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

    private void ReadPull(ref WireReader reader, int end)
    {
        HasPull = true;
        Part = PullPart.Values;
        while (reader.TryField(end, out int number, out int wireType))
        {
            switch (number, wireType)
            {
                case (1, 2):
                    PullKeys = ReadKeys(ref reader, reader.End());
                    break;
                case (2, 0):
                    ulong part = reader.Varint();
                    if (part > 4)
                        throw new InvalidDataException($"the pull's part is {part}; expected PULL_PART_VALUES (1), PULL_PART_ENTRIES (2), PULL_PART_AVERAGES (3) or PULL_PART_STATE (4)");
                    Part = part == 0 ? PullPart.Values : (PullPart)(part - 1);
                    break;
                default:
                    reader.Skip(wireType);
                    break;
            }
        }
    }

    private static WireKeys ReadKeys(ref WireReader reader, int end)
    {
        (ulong first, ulong count, WirePart plain, WirePart coded, ulong set) = (0, 0, default, default, 0);
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
                    plain = reader.Elements("keys");
                    break;
                case (4, 2):
                    coded = reader.Bytes();
                    break;
                case (5, 0):
                    set = reader.Varint();
                    break;
                default:
                    reader.Skip(wireType);
                    break;
            }
        }
        if (first > long.MaxValue || count > int.MaxValue)
            throw new InvalidDataException($"the keys begin at {first} and are {count}; a shard has at most {int.MaxValue} keys");
        if (plain.Length > 0 && coded.Length > 0)
            throw new InvalidDataException("the keys are listed both plainly and coded; send one of the two");
        if (plain.Length > 0 && (ulong)(plain.Length / sizeof(uint)) != count)
            throw new InvalidDataException($"{count} keys are announced but {plain.Length / sizeof(uint)} are listed");
        return new WireKeys((long)first, (int)count, plain.Length > 0 ? plain : coded, coded.Length > 0, (uint)Math.Min(set, uint.MaxValue));
    }
}
