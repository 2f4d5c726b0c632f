using System.Runtime.InteropServices;

namespace DistSgd.Bench.Kernels;

/// <summary>The system's OpenBLAS, one thread, if there is one; a peer to compare with, used by nothing else.</summary>
internal sealed unsafe class OpenBlas
{
    private const int RowMajor = 101;
    private const int Straight = 111;
    private const int Turned = 112;

    private readonly delegate* unmanaged<int, int, int, int, int, int, float, float*, int, float*, int, float, float*, int, void> _sgemm;

    private OpenBlas(nint library)
    {
        _sgemm = (delegate* unmanaged<int, int, int, int, int, int, float, float*, int, float*, int, float, float*, int, void>)NativeLibrary.GetExport(library, "cblas_sgemm");
        var threads = (delegate* unmanaged<int, void>)NativeLibrary.GetExport(library, "openblas_set_num_threads");
        threads(1);
    }

    /// <summary>Null where the machine has none.</summary>
    public static OpenBlas? Find() => NativeLibrary.TryLoad("libopenblas.so.0", out var library) ? new OpenBlas(library) : null;

    /// <summary>C = A·B for operands stored row by row, either of them transposed.</summary>
    public void Multiply(int rows, int depth, int columns, bool turnA, bool turnB, float[] a, float[] b, float[] c)
    {
        fixed (float* left = a, right = b, result = c)
        {
            _sgemm(
                RowMajor, turnA ? Turned : Straight, turnB ? Turned : Straight, rows, columns, depth,
                1f, left, turnA ? rows : depth, right, turnB ? depth : columns, 0f, result, columns);
        }
    }
}
