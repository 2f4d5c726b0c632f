namespace DistSgd.Learning.Formats;

/// <summary>Types of a tensor's elements, as safetensors names them.</summary>
public enum TensorType
{
    /// <summary>32-bit float.</summary>
    F32,

    /// <summary>64-bit float.</summary>
    F64,

    /// <summary>32-bit signed integer.</summary>
    I32,

    /// <summary>64-bit signed integer.</summary>
    I64,

    /// <summary>Unsigned byte.</summary>
    U8,

    /// <summary>32-bit unsigned integer.</summary>
    U32,

    /// <summary>64-bit unsigned integer.</summary>
    U64,
}

/// <summary>A tensor's name, type, shape and place in a safetensors file.</summary>
/// <param name="Name">Unique in the file.</param>
/// <param name="Type">Of the elements.</param>
/// <param name="Shape">Extents, outermost first; empty for a single number.</param>
/// <param name="Start">First byte, counted from the end of the header.</param>
/// <param name="Bytes">Length in bytes.</param>
public sealed record TensorEntry(string Name, TensorType Type, IReadOnlyList<long> Shape, long Start, long Bytes)
{
    /// <summary>Number of elements.</summary>
    public long ElementCount => Bytes / SizeOf(Type);

    /// <summary>Bytes of one element.</summary>
    public static int SizeOf(TensorType type) => type switch
    {
        TensorType.U8 => 1,
        TensorType.F32 or TensorType.I32 or TensorType.U32 => 4,
        _ => 8,
    };
}

/// <summary>A model or tensor file is missing, damaged, or not what it should be.</summary>
public sealed class ModelFileException(string path, string problem, Exception? inner = null) : Exception($"{path}: {problem}", inner)
{
    /// <summary>The file.</summary>
    public string Path { get; } = path;
}
