using DistSgd.Kernels;

namespace DistSgd.ParamServer.Shards;

/// <summary>
/// Walks over the parameters of some keys, a chunk at a time, with room for their planes: rules run over planes, whatever keys are pushed and however the
/// memory lies.
/// </summary>
internal ref struct ParameterChunks
{
    /// <summary>Parameters a chunk.</summary>
    public const int Size = 256;

    /// <summary>Floats of room that a walk needs.</summary>
    public const int RoomFloats = (PlanesMax + 2) * Size;

    /// <summary>Whole numbers of room that a walk needs.</summary>
    public const int RoomIntegers = 2 * Size;

    /// <summary>Floats of a chunk's planes.</summary>
    public const int PlanesFloats = PlanesMax * Size;

    private const int PlanesMax = 1 + RulePlanes.SlotsMax;

    private readonly ShardKeys _keys;
    private readonly int _width;
    private readonly Span<float> _floats;
    private readonly Span<int> _positions;
    private readonly Span<int> _keysOf;
    private int _place;
    private int _part;

    public ParameterChunks(ShardKeys keys, int width, Span<float> floats, Span<int> integers)
    {
        _keys = keys;
        _width = width;
        _floats = floats;
        _positions = integers[..Size];
        _keysOf = integers[Size..];
    }

    /// <summary>Parameters of the chunk.</summary>
    public int Count { get; private set; }

    /// <summary>Parameters of the chunks before it.</summary>
    public int Before { get; private set; }

    /// <summary>Places of the chunk's parameters in the shard: local key · width + part.</summary>
    public readonly ReadOnlySpan<int> Positions => _positions[..Count];

    /// <summary>The local key of each parameter.</summary>
    public readonly ReadOnlySpan<int> KeysOf => _width == 1 ? Positions : _keysOf[..Count];

    /// <summary>Room for the parameters.</summary>
    public readonly RulePlanes Planes => new(Room(0), Room(1), Room(2), Room(3));

    /// <summary>Room for a float a parameter.</summary>
    public readonly Span<float> Elapsed => Room(PlanesMax);

    /// <summary>Room for another float a parameter.</summary>
    public readonly Span<float> Missed => Room(PlanesMax + 1);

    /// <summary>Goes to the next chunk.</summary>
    /// <returns>False at the end.</returns>
    public bool Next()
    {
        Before += Count;
        Count = 0;
        if (_width == 1)
        {
            Count = Math.Min(Size, _keys.Count - _place);
            _keys.CopyTo(_place, _positions[..Count]);
            _place += Count;
            return Count > 0;
        }
        while (Count < Size && _place < _keys.Count)
        {
            int key = _keys[_place], first = key * _width;
            for (; _part < _width && Count < Size; _part++, Count++)
                (_positions[Count], _keysOf[Count]) = (first + _part, key);
            if (_part < _width)
                break;
            (_part, _place) = (0, _place + 1);
        }
        return Count > 0;
    }

    private readonly Span<float> Room(int plane) => _floats.Slice(plane * Size, Count);
}
