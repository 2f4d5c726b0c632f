using Grpc.Core;

namespace DistSgd.Shared.Wire;

/// <summary>The service <c>distsgd.v1.Parameters</c> with the hand-written codec of its hot messages.</summary>
public static class ParametersContract
{
    /// <summary>Full name of the service.</summary>
    public const string ServiceName = "distsgd.v1.Parameters";

    /// <summary>Version of the contract of streams that this program speaks.</summary>
    public const uint StreamVersion = 1;

    /// <summary>Bytes of values into which a client of this program cuts bulk pushes and pulls on a stream.</summary>
    public const int ChunkBytes = 256 << 10;

    /// <summary>Most bytes of a message that holds a job's specification, with what was fitted on the data: a scale for each feature, a cost for each pair of classes.</summary>
    public const int SpecBytesMax = 64 << 20;

    private const string StreamName = "Exchange";

    private static readonly string[] MethodNames = ["Push", "Pull", "PushPull"];

    /// <summary>The methods of one exchange a call, as a server binds them.</summary>
    public static IEnumerable<Method<IncomingRequest, OutgoingResponse>> ServerMethods { get; } =
        [.. MethodNames.Select(name => new Method<IncomingRequest, OutgoingResponse>(MethodType.Unary, ServiceName, name,
            Marshallers.Create<IncomingRequest>(Unused, IncomingRequest.Deserialize),
            Marshallers.Create(OutgoingResponse.Serialize, Unused<OutgoingResponse>)))];

    /// <summary>The stream as a server binds it.</summary>
    public static Method<IncomingFrames, OutgoingFrames> ServerStream { get; } = new(MethodType.DuplexStreaming, ServiceName, StreamName,
        Marshallers.Create<IncomingFrames>(Unused, IncomingFrames.Deserialize),
        Marshallers.Create(OutgoingFrames.Serialize, Unused<OutgoingFrames>));

    /// <summary>The stream as one client uses it: answers go to the given reader.</summary>
    /// <param name="read">Called with each message of the server; what it returns is the message.</param>
    internal static Method<OutgoingExchanges, TAnswers> ClientStream<TAnswers>(Func<DeserializationContext, TAnswers> read)
        where TAnswers : class =>
        new(MethodType.DuplexStreaming, ServiceName, StreamName,
            Marshallers.Create(OutgoingExchanges.Serialize, Unused<OutgoingExchanges>),
            Marshallers.Create(Unused, read));

    private static void Unused<T>(T message, SerializationContext context) =>
        throw new InvalidOperationException($"{typeof(T).Name} is never written on this side.");

    private static T Unused<T>(DeserializationContext context) =>
        throw new InvalidOperationException($"{typeof(T).Name} is never read on this side.");
}
