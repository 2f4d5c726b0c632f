using DistSgd.TestKit;

namespace DistSgd.Interop.Tests;

/// <summary>python3-grpcio calls our server.</summary>
public sealed class PythonClientTests(PythonClient client) : IClassFixture<PythonClient>
{
    // The cases with raw bytes as messages, beside those of the matrix.
    private static readonly string[] OfBytes =
    [
        "bytes_unary", "bytes_large", "bytes_client_streaming", "bytes_server_streaming", "bytes_duplex", "bytes_metadata", "bytes_status", "bytes_status_after_messages",
        "bytes_exception", "bytes_unimplemented", "bytes_deadline", "bytes_cancellation", "bytes_over_limit", "bytes_compression", "bytes_over_limit_compressed",
    ];

    private static readonly string[] All = [.. CaseMatrix.NamesOf(CaseMatrix.PythonToOurs), .. OfBytes];

    public static TheoryData<string> Cases => new(All);

    [PeerTheory(Python.Grpc, Python.Protobuf, Python.Compiler, Python.Plugin)]
    [MemberData(nameof(Cases))]
    public Task PythonClient_Case_Passes(string name) => client.PassesAsync(name);

    [PeerFact(Python.Grpc, Python.Protobuf, Python.Compiler, Python.Plugin)]
    public void PythonClient_HasNoCaseThatIsNotRun() => Assert.Equal(All.Order(StringComparer.Ordinal), client.Cases.Order(StringComparer.Ordinal));
}
